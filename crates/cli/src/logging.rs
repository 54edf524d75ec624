//! Logs go to standard error.

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::args::LogFormat;

/// Starts logging, once per process.
pub(crate) fn start(filter: &str, format: LogFormat) {
    let lines = fmt::layer()
        .with_writer(io::stderr)
        // It would report a closed standard error on standard error, and panic.
        .log_internal_errors(false)
        .with_ansi(coloured(&io::stderr()));
    let logged = registry().with(EnvFilter::new(filter)).with(filter_fn(may_be_logged));
    match format {
        LogFormat::Text => logged.with(lines).init(),
        LogFormat::Json => logged.with(lines.json()).init(),
    }
}

/// The library that speaks the Model Context Protocol logs whole messages below the level of errors, and one of them may hold a token
/// (promise 2): whatever the filter says, those are not written.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let of_protocol = target == "rmcp" || target.starts_with("rmcp::");
    !of_protocol || *metadata.level() == Level::ERROR
}

/// Whether to use colours: on a terminal, unless `NO_COLOR` is set to something (<https://no-color.org>).
pub(crate) fn coloured(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
