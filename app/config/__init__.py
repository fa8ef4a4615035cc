"""The configuration: YAML, checked, as frozen settings."""

from app.config.settings import (
    AWAITED,
    FOLDER_VARIABLE,
    PROFILE_VARIABLE,
    PROJECT,
    SOURCE_VARIABLE,
    CameraConfig,
    Config,
    DashboardSettings,
    GlancesSettings,
    PeopleSettings,
    RedisSettings,
    SlackSettings,
    config_folder,
    config_warnings,
    load_config,
    slack_access,
)

__all__ = [
    "AWAITED",
    "FOLDER_VARIABLE",
    "PROFILE_VARIABLE",
    "PROJECT",
    "SOURCE_VARIABLE",
    "CameraConfig",
    "Config",
    "DashboardSettings",
    "GlancesSettings",
    "PeopleSettings",
    "RedisSettings",
    "SlackSettings",
    "config_folder",
    "config_warnings",
    "load_config",
    "slack_access",
]
