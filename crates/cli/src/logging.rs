//! Logs go to standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging, once per process.
pub(crate) fn start(filter: &str, format: LogFormat) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(io::stderr)
        // It would report a closed standard error on standard error, and panic.
        .log_internal_errors(false)
        .with_ansi(coloured(&io::stderr()));
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// Whether to use colours: on a terminal, unless `NO_COLOR` is set to something (<https://no-color.org>).
pub(crate) fn coloured(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
