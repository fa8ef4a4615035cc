"""The pages System and Logs."""
