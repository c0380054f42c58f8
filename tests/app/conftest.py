from tests.app.browsing import browser, visit
from tests.app.studio_fixtures import access, client, folder, outsider

__all__ = ["access", "browser", "client", "folder", "outsider", "visit"]
