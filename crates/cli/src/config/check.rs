//! `keystead config check`: what `serve` would run with, and where each value comes from.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Invocation, Setting, roles, settings};

/// The effective configuration, as TOML with the source of each value. Secrets are hidden.
pub(crate) fn print(invocation: &Invocation) -> String {
    let matches = deepest(&invocation.matches);
    let lines = settings().iter().map(|setting| line(setting, matches, invocation)).collect::<Vec<_>>();
    lines.join("\n") + &roles::print(&invocation.cli.store.roles)
}

fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, sub)| deepest(sub))
}

fn line(setting: &Setting, matches: &ArgMatches, invocation: &Invocation) -> String {
    let key = &setting.key;
    let source = match matches.value_source(&setting.id) {
        Some(ValueSource::CommandLine) => format!("--{key}"),
        Some(ValueSource::EnvVariable) => setting.variable.clone(),
        Some(_) if setting.secret => "a file".to_owned(),
        Some(_) if invocation.from_file.contains_key(key) => "the configuration file".to_owned(),
        Some(_) => "default".to_owned(),
        None => return format!("# {key} is not set"),
    };
    if setting.secret {
        return format!("# {key} is set and not shown (from {source})");
    }
    let values: Vec<String> = matches
        .get_raw(&setting.id)
        .into_iter()
        .flatten()
        .map(|value| quoted(&value.to_string_lossy()))
        .collect();
    let value = if setting.list { format!("[{}]", values.join(", ")) } else { values.concat() };
    format!("{key} = {value} # {source}")
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    match text {
        "true" | "false" => text.to_owned(),
        _ => toml::Value::String(text.to_owned()).to_string(),
    }
}
