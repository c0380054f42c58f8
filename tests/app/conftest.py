from tests.app.studio_fixtures import access, client, folder, outsider

__all__ = ["access", "client", "folder", "outsider"]
