//! `keystead.toml`.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use clap::CommandFactory as _;
use keystead_domain::Role;
use toml::{Table, Value};

use super::{Layer, Setting, nearest, roles};
use crate::args::Cli;
use crate::failure::Failure;

/// Where it is looked for when nobody says.
pub(crate) const DEFAULT: &str = "keystead.toml";

/// What the file says.
#[derive(Default)]
pub(super) struct File {
    /// The settings.
    pub(super) values: Layer,
    /// The roles, which only the file can have.
    pub(super) roles: Vec<Role>,
}

/// Reads the file. One that nobody asked for need not be there.
pub(super) fn read(asked: Option<&Path>, settings: &[Setting]) -> Result<File, Failure> {
    let path = asked.unwrap_or(Path::new(DEFAULT));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && asked.is_none() => return Ok(File::default()),
        Err(error) => {
            return Err(Failure::usage(format!("cannot read the configuration file {}", path.display()))
                .cause(&error)
                .hint("give the path of a file that you can read with --config (or KEYSTEAD_CONFIG), or leave it out."));
        }
    };
    let mut table: Table = toml::from_str(&text).map_err(|error| {
        // Not the error's own text: it quotes the line, which may hold a secret.
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        Failure::usage(format!("{}, line {line}: {}", path.display(), error.message()))
            .hint("the file is TOML, such as: listen = \"127.0.0.1:8080\"")
    })?;
    let roles = table.remove(roles::KEY).map_or(Ok(Vec::new()), |value| roles::read(path, &value))?;
    let value = |(key, value): (String, Value)| Ok((key.clone(), values(path, &key, value, settings)?));
    Ok(File { values: table.into_iter().map(value).collect::<Result<_, Failure>>()?, roles })
}

fn values(path: &Path, key: &str, value: Value, settings: &[Setting]) -> Result<Vec<OsString>, Failure> {
    let Some(setting) = settings.iter().find(|setting| setting.key == key) else {
        let nearest = nearest(key, settings.iter().map(|setting| setting.key.as_str()).chain([roles::KEY]));
        let hint = nearest.map_or_else(
            || "`keystead config reference` prints every key.".to_owned(),
            |name| format!("did you mean `{name}`? `keystead config reference` prints every key."),
        );
        return Err(Failure::usage(format!("{}: there is no setting `{key}`", path.display())).hint(hint));
    };
    let shape = |wanted: &str| {
        Failure::usage(format!("{}: `{key}` takes {wanted}", path.display()))
            .hint("`keystead config reference` says what each setting means.")
    };
    let wanted = match setting.value_name.as_str() {
        _ if setting.list => "a list of strings",
        "BOOL" => "true or false",
        _ => "a string, in quotes",
    };
    let values = match value {
        Value::Array(items) if setting.list => items
            .into_iter()
            .map(|item| item.as_str().map(ToOwned::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| shape(wanted))?,
        Value::String(text) => vec![text],
        Value::Boolean(truth) => vec![truth.to_string()],
        _ => return Err(shape(wanted)),
    };
    for value in &values {
        check(path, setting, value)?;
    }
    Ok(values.into_iter().map(OsString::from).collect())
}

/// Lets the command line's parser judge a value, which says the same of it as it would of the flag's.
fn check(path: &Path, setting: &Setting, value: &str) -> Result<(), Failure> {
    let flag = format!("--{}={value}", setting.key);
    let Err(error) = Cli::command().try_get_matches_from(["keystead", "config", "check", &flag]) else {
        return Ok(());
    };
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ").split("\n\nFor more").next().unwrap_or_default().to_owned();
    Err(Failure::usage(format!("{}: {text}", path.display())).hint(format!(
        "change `{}` in that file. `keystead config reference` says what it means.",
        setting.key
    )))
}
