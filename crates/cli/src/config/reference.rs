//! `keystead config reference`, which is also `docs/configuration.md`.

use std::fmt::Write as _;

use super::{Setting, roles, settings};

const HEAD: &str = "\
# Configuration

<!-- Printed by `keystead config reference`. Do not edit. -->

Everything has a default: `keystead serve` alone runs a server on 127.0.0.1:8080 that keeps its store in `./keystead-data`.

Each setting can be given in three ways. A flag goes before a variable, a variable before the configuration file, and the file before
the default. The file is `keystead.toml` in the working directory, or what `--config PATH` or `KEYSTEAD_CONFIG` names; it is TOML. A key
that is not listed here is an error; a variable that begins with `KEYSTEAD_` and is not listed here is warned of.

`keystead config check` takes the same flags as `keystead serve` and prints what would be in effect, and where each value comes from.
";

/// The reference, as Markdown.
pub(crate) fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for setting in settings() {
        section(&mut text, &setting);
    }
    text.push('\n');
    text.push_str(roles::REFERENCE);
    text
}

fn section(text: &mut String, setting: &Setting) {
    let Setting { key, variable, value_name, meaning, .. } = setting;
    let default = setting.default.as_ref().map_or("none".to_owned(), |default| format!("`{default}`"));
    // The parser drops the last full stop of a doc comment.
    _ = write!(text, "\n## {key}\n\n{meaning}.\n\n");
    let flag = if value_name == "BOOL" { format!("--{key}") } else { format!("--{key} {value_name}") };
    let example = match value_name.as_str() {
        "BOOL" => format!("{key} = true"),
        _ if setting.list => format!("{key} = [\"…\"]"),
        _ => format!("{key} = \"{}\"", setting.default.as_deref().unwrap_or("…")),
    };
    _ = writeln!(text, "| Flag | Variable | In the file | Default |\n|---|---|---|---|");
    _ = writeln!(text, "| `{flag}` | `{variable}` | `{example}` | {default} |");
    if setting.secret {
        _ = writeln!(
            text,
            "\nIt may hold a secret: `{variable}_FILE` names a file to read it from instead, and it is never printed."
        );
    }
}
