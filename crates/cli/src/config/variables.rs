//! What the environment says beyond what the command line's parser reads itself.

use std::ffi::OsString;

use super::{Layer, Setting, nearest};
use crate::failure::Failure;

const OURS: &str = "KEYSTEAD_";

/// Secrets that are kept in files of their own, as containers get them: `KEYSTEAD_DATABASE_URL_FILE`.
pub(super) fn secrets(settings: &[Setting]) -> Result<Layer, Failure> {
    let mut found = Layer::new();
    for setting in settings.iter().filter(|setting| setting.secret) {
        let variable = format!("{}_FILE", setting.variable);
        let Some(path) = std::env::var_os(&variable) else { continue };
        if std::env::var_os(&setting.variable).is_some() {
            return Err(Failure::usage(format!("both {} and {variable} are set", setting.variable))
                .hint("unset one of them."));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::usage(format!("cannot read {}, which {variable} names", path.display()))
                .cause(&error)
                .hint(format!("set {variable} to the path of a file that holds nothing but the value."))
        })?;
        found.insert(setting.key.clone(), vec![OsString::from(text.trim_end_matches(['\r', '\n']))]);
    }
    Ok(found)
}

/// A warning for each variable that looks like ours and is not: most are misspelt.
pub(super) fn unknown(settings: &[Setting]) -> Vec<String> {
    // The others are not settings: they are where the documentation's examples keep a key.
    let mut known =
        ["KEYSTEAD_CONFIG", "KEYSTEAD_API_KEY", "KEYSTEAD_IMPERSONATION_KEY"].map(ToOwned::to_owned).to_vec();
    for setting in settings {
        known.push(setting.variable.clone());
        if setting.secret {
            known.push(format!("{}_FILE", setting.variable));
        }
    }
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    set.filter(|name| name.starts_with(OURS) && !known.contains(name) && !is_service_link(name))
        .map(|name| match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => format!("the variable {name} is not known and has no effect; did you mean {near}?"),
            None => format!("the variable {name} is not known and has no effect"),
        })
        .collect()
}

/// Kubernetes sets these in every container beside a service that is called "keystead".
fn is_service_link(name: &str) -> bool {
    let rest = name.trim_start_matches(OURS);
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}
