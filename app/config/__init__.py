"""The configuration: YAML, checked, as frozen settings."""

from app.config.changes import with_changes
from app.config.checks import area_warnings, config_warnings
from app.config.loading import (
    FOLDER_VARIABLE,
    PROFILE_VARIABLE,
    REDIS_PASSWORD_FILE,
    SOURCE_VARIABLE,
    config_folder,
    config_from_plain,
    load_config,
    share_config,
)
from app.config.settings import (
    PROJECT,
    CameraConfig,
    Config,
    DashboardSettings,
    EventConfig,
    GlancesSettings,
    RedisSettings,
    SlackConfig,
)

__all__ = [
    "FOLDER_VARIABLE",
    "PROFILE_VARIABLE",
    "PROJECT",
    "REDIS_PASSWORD_FILE",
    "SOURCE_VARIABLE",
    "CameraConfig",
    "Config",
    "DashboardSettings",
    "EventConfig",
    "GlancesSettings",
    "RedisSettings",
    "SlackConfig",
    "area_warnings",
    "config_folder",
    "config_from_plain",
    "config_warnings",
    "key_help",
    "load_config",
    "share_config",
    "with_changes",
]
