#!/bin/sh
# Install Debian packages where that is possible, else name them. Usage: PURPOSE PACKAGE...
purpose=$1
shift
missing=
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
    echo "Installing for $purpose:$missing"
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive sh -c \
        "apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null" &&
        exit 0
fi
echo "Needed for $purpose and not installed:$missing"
echo "On Debian or Ubuntu: sudo apt-get install$missing"
