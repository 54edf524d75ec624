//! The `keystead` command: it runs the server, and carries out its operator's commands, whether or not the server runs.

mod args;
mod audit_log;
mod commands;
mod config;
mod control;
mod demo;
mod failure;
mod health;
mod logging;
mod out;
mod serve;
mod store;
mod table;

use std::process::ExitCode;

use crate::args::{Cli, Command, ConfigCommand, LogFormat};
use crate::config::Invocation;
use crate::failure::Failure;

fn main() -> ExitCode {
    let outcome = match config::invocation() {
        Ok(invocation) => run(invocation),
        Err(Ok(error)) => return usage(&error),
        Err(Err(failure)) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::say(&failure);
            failure.exit_code()
        }
    }
}

fn run(invocation: Invocation) -> Result<(), Failure> {
    let runs_server = matches!(invocation.cli.command, Command::Serve(_));
    match &invocation.cli.command {
        Command::Serve(settings) => logging::start(&settings.log, settings.log_format),
        _ => logging::start("warn", LogFormat::Text),
    }
    for warning in &invocation.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = if runs_server {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()
    } else {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    };
    let runtime = runtime.map_err(|error| Failure::new("cannot start").cause(&error))?;
    if let Command::Config(ConfigCommand::Check(settings)) = &invocation.cli.command {
        invocation.cli.store.site()?;
        invocation.cli.store.secret()?;
        serve::warn_of(settings, serve::mailer(&settings.mail)?.as_ref());
        return printed(out::line(config::print_effective(&invocation)));
    }
    let Cli { store, command } = invocation.cli;
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(settings) => {
                let names_store = names_store(&invocation.matches);
                serve::serve(*settings, store, names_store).await
            }
            Command::Organization(command) => commands::organization(&store, command).await,
            Command::User(command) => commands::user(&store, command).await,
            Command::Key(command) => commands::key(&store, command).await,
            Command::SigningKey(command) => commands::signing_key(&store, command).await,
            Command::Issuing(command) => commands::issuing(&store, command).await,
            Command::Audit(command) => commands::audit(&store, command).await,
            Command::Backup { file } => commands::backup(&store, &file).await,
            Command::Restore { file, replay } => commands::restore(&store, &file, &replay).await,
            Command::Store(command) => commands::store(&store, command).await,
            Command::Healthcheck { url, address } => health::check(url, &address).await,
            Command::Config(_) => printed(out::line(config::markdown().trim_end())),
            Command::Version => printed(out::line(concat!("keystead ", env!("CARGO_PKG_VERSION")))),
        }
    });
    // Whatever matters has been waited for. A mail that is given up may still be looking its server's name up.
    runtime.shutdown_background();
    outcome
}

/// Whether the command line itself says which store to use.
fn names_store(matches: &clap::ArgMatches) -> bool {
    let given = |matches: &clap::ArgMatches, id| {
        matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
    };
    let sub = matches.subcommand().map(|(_, sub)| sub);
    ["data_dir", "database_url"].iter().any(|id| given(matches, id) || sub.is_some_and(|sub| given(sub, id)))
}

fn printed(written: std::io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| Failure::new("cannot write to standard output").cause(&error))
}

/// Help goes to standard output and is no error; what is wrong with the command line goes to standard error, with a hint.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        out::say(
            text.trim_end()
                .replace("For more information, try", "hint: for every option and what it takes, try"),
        );
        return ExitCode::from(2);
    }
    _ = error.print();
    ExitCode::SUCCESS
}
