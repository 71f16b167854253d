//! Log lines on standard error, filtered by `ARGUS_LOG`.

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged: `info`, or `warn,argus_connectors=debug`.
const VARIABLE: &str = "ARGUS_LOG";

/// Starts logging. Says so where the variable makes no sense, and logs warnings then.
pub fn start() {
    let written = std::env::var(VARIABLE).unwrap_or_default();
    let filter = match EnvFilter::try_new(if written.is_empty() { "warn" } else { &written }) {
        Ok(filter) => filter,
        Err(error) => {
            let text = format!("argus: {VARIABLE}='{written}' is ignored: {error}\n");
            crate::failure::eprint_quietly(&text);
            EnvFilter::new("warn")
        }
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .log_internal_errors(false)
        .try_init();
    debug_assert!(started.is_ok(), "logging is started once");
}
