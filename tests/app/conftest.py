import pytest

from tests.app.browsing import browser, chromium, visit
from tests.app.studio_fixtures import access, client, folder, outsider
from tests.conftest import is_browser_test

__all__ = ["access", "browser", "client", "folder", "outsider", "visit"]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if is_browser_test(item) and not (nextitem and is_browser_test(nextitem)):
        chromium.close()
