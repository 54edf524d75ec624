//! The configuration: flags before variables before `keystead.toml` before defaults. What can be set is read from the command
//! line's definition ([`args`](crate::args)), so that it is written down once.

mod check;
mod file;
mod reference;
mod roles;
mod variables;

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use crate::args::Cli;
use crate::failure::Failure;

use file::File;

pub(crate) use check::print as print_effective;
pub(crate) use reference::markdown;

/// The option that says where the file is: it cannot be in the file.
const CONFIG: &str = "config";

/// Something that can be configured.
pub(crate) struct Setting {
    /// Its key in the file, and its flag without the dashes.
    pub(crate) key: String,
    /// Its variable.
    pub(crate) variable: String,
    /// What the flag takes, such as `URL`.
    pub(crate) value_name: String,
    /// Its default, if it has a fixed one.
    pub(crate) default: Option<String>,
    /// What it means.
    pub(crate) meaning: String,
    /// Whether it is never printed and may come from a file of its own.
    pub(crate) secret: bool,
    /// Whether it takes several values.
    pub(crate) list: bool,
    /// The name under which the parser knows it.
    id: String,
}

/// What was asked for, and where each setting came from.
pub(crate) struct Invocation {
    pub(crate) cli: Cli,
    pub(crate) matches: ArgMatches,
    /// What to warn about once logging runs.
    pub(crate) warnings: Vec<String>,
    /// What the file gave, by key, to tell it from a default.
    pub(crate) from_file: Layer,
}

/// Values by the key of their setting.
pub(crate) type Layer = BTreeMap<String, Vec<OsString>>;

/// Everything that can be configured, the server's settings first.
pub(crate) fn settings() -> Vec<Setting> {
    let root = Cli::command();
    let serve = root.find_subcommand("serve").map(Command::get_arguments).into_iter().flatten();
    serve.chain(root.get_arguments()).filter_map(setting).filter(|setting| setting.key != CONFIG).collect()
}

fn setting(arg: &clap::Arg) -> Option<Setting> {
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let meaning = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    Some(Setting {
        key: arg.get_long()?.to_owned(),
        variable: arg.get_env()?.to_string_lossy().into_owned(),
        value_name: arg.get_value_names().unwrap_or_default().join(" "),
        default: (!defaults.is_empty()).then(|| defaults.join(",")),
        meaning,
        secret: arg.is_hide_env_values_set(),
        list: matches!(arg.get_action(), clap::ArgAction::Append),
        id: arg.get_id().to_string(),
    })
}

/// Reads the command line, the variables and the file.
///
/// # Errors
/// `Err(Ok(error))` is the parser's, which includes a request for help; `Err(Err(failure))` is about the rest.
pub(crate) fn invocation() -> Result<Invocation, Result<clap::Error, Failure>> {
    // Once without the file, to learn where it is. What is wrong here stays wrong with it.
    let given = Cli::try_parse_from_env().map_err(Ok)?;
    let settings = settings();
    let File { values: from_file, roles } =
        file::read(given.store.config.as_deref(), &settings).map_err(Err)?;
    let mut values = from_file.clone();
    values.extend(variables::secrets(&settings).map_err(Err)?);
    let matches = with_defaults(Cli::command(), &settings, &values).try_get_matches().map_err(Ok)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(Ok)?;
    cli.store.roles = roles;
    Ok(Invocation { cli, matches, warnings: variables::unknown(&settings), from_file })
}

impl Cli {
    fn try_parse_from_env() -> Result<Self, clap::Error> {
        Self::from_arg_matches(&Self::command().try_get_matches()?)
    }
}

/// The same commands, with other defaults: flags and variables go before these, as they do before any.
fn with_defaults(command: Command, settings: &[Setting], values: &Layer) -> Command {
    let mut command = command;
    for setting in settings {
        let has = command.get_arguments().any(|arg| arg.get_id() == setting.id.as_str());
        if let (true, Some(values)) = (has, values.get(&setting.key)) {
            command = command.mut_arg(&setting.id, |arg| arg.default_values(values.clone()));
        }
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| with_defaults(sub, settings, values));
    }
    command
}

/// The known name that is most like an unknown one, if any is.
fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}
