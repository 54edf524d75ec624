//! The tables `[roles.NAME]` of `keystead.toml`: roles that every organization of the deployment has.
//!
//! They are not settings of one value, so neither a flag nor a variable gives them.

use std::path::Path;

use keystead_domain::{Error, Permission, Role, RoleBook};
use toml::{Table, Value};

use super::nearest;
use crate::failure::Failure;

/// The key of the file that holds them.
pub(super) const KEY: &str = "roles";

const PERMISSIONS: &str = "permissions";
const DESCRIPTION: &str = "description";
const EXAMPLE: &str = "a role is written as [roles.support] and, below it, permissions = [\"reports:read\"].";

/// The section of the reference, whose example is loaded by a test.
pub(super) const REFERENCE: &str = "\
## roles

Roles that every organization of this deployment has beside its own and the built-in ones: each a table `[roles.NAME]`, in the file
only. They come after every setting of the file.

```toml
[roles.support]
permissions = [\"reports:read\", \"tickets:write\"]
description = \"Answers customers.\"

[roles.auditor]
permissions = [\"audit:read\", \"iam:read\"]
```

| In the table | Meaning |
|---|---|
| the name | what `--role`, GraphQL and the console know it by: 1 to 100 of `a-z 0-9 _ -`, not that of a built-in role |
| `permissions` | what it permits: Keystead's permissions or a product's own, each 1 to 100 of `a-z 0-9 _ . : -`; at most 50, and not `organizations:manage` |
| `description` | what it is for, for people: at most 500 characters; may be left out |

They can be assigned like any other role, also limited to resources, and are changed here only: restart the server for that. One that is
taken out of the file gives nothing any more to whoever holds it. There are at most 100, and the names of all of their permissions have
at most 3,000 bytes together. What is wrong is refused at start, and by `keystead config check`.
";

/// Reads the tables.
pub(super) fn read(path: &Path, value: &Value) -> Result<Vec<Role>, Failure> {
    let Value::Table(tables) = value else {
        return Err(wrong(path, KEY, "it is a table of tables, one for each role"));
    };
    let mut roles = Vec::with_capacity(tables.len());
    for (name, table) in tables {
        let key = format!("{KEY}.{name}");
        let Value::Table(table) = table else {
            return Err(wrong(path, &key, "a role is a table"));
        };
        let role = role(path, &key, name, table)?;
        RoleBook::new(&roles, &[]).check_fits(&role).map_err(|error| refused(path, &key, &error))?;
        roles.push(role);
    }
    Ok(roles)
}

fn role(path: &Path, key: &str, name: &str, table: &Table) -> Result<Role, Failure> {
    let known = [PERMISSIONS, DESCRIPTION];
    if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
        let failure = Failure::usage(format!("{}: there is no setting `{key}.{unknown}`", path.display()));
        return Err(failure.hint(match nearest(unknown, known.into_iter()) {
            Some(near) => {
                format!("did you mean `{near}`? A role has permissions and, if you like, a description.")
            }
            None => "a role has permissions and, if you like, a description.".to_owned(),
        }));
    }
    let permissions: Option<Vec<String>> = match table.get(PERMISSIONS) {
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect(),
        _ => None,
    };
    let permissions = permissions.ok_or_else(|| {
        wrong(path, &format!("{key}.{PERMISSIONS}"), "it is needed, and takes a list of strings")
    })?;
    for permission in &permissions {
        Permission::parse(permission.trim()).map_err(|error| {
            let what = format!("{permission:?} cannot be one. {}", sentence(&error));
            wrong(path, &format!("{key}.{PERMISSIONS}"), &what)
        })?;
    }
    let description = match table.get(DESCRIPTION) {
        None => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(wrong(path, &format!("{key}.{DESCRIPTION}"), "it takes a string, in quotes")),
    };
    Role::of_deployment(name, description, &permissions).map_err(|error| refused(path, key, &error))
}

/// What the rules say of a role.
fn refused(path: &Path, key: &str, error: &Error) -> Failure {
    wrong(path, key, &sentence(error))
}

/// Without its full stop, as all that is said of the configuration.
fn sentence(error: &Error) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

fn wrong(path: &Path, key: &str, what: &str) -> Failure {
    Failure::usage(format!("{}: `{key}`: {what}", path.display())).hint(EXAMPLE)
}

/// As `config check` prints them: so that they can stand in the file.
pub(super) fn print(roles: &[Role]) -> String {
    let mut text = String::new();
    for role in roles {
        let permissions = role.permissions.iter().map(|permission| Value::String(permission.to_string()));
        let mut table = Table::new();
        table.insert(PERMISSIONS.to_owned(), Value::Array(permissions.collect()));
        if !role.description.as_str().is_empty() {
            table.insert(DESCRIPTION.to_owned(), Value::String(role.description.to_string()));
        }
        text.extend(["\n\n[", KEY, ".", role.id.as_str(), "] # the configuration file\n"]);
        text.push_str(table.to_string().trim_end());
    }
    text
}
