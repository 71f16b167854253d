//! The list of all connectors and formats.
