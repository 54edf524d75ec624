//! `keystead user list`.

use keystead_app::operator::{ListedRole, ListedUser};

use super::{GREEN, RED, Row, YELLOW, minute_or_never, table};

/// A line a user.
pub(crate) fn users(users: &[ListedUser]) -> String {
    let head = ["EMAIL", "NAME", "ORGANIZATION", "STATUS", "ROLES", "GROUPS", "LAST SEEN"];
    table(head, 3, &users.iter().map(row).collect::<Vec<_>>())
}

fn row(user: &ListedUser) -> Row<7> {
    let (word, colour) = status(&user.status);
    let cells = [
        user.email.clone(),
        user.name.clone(),
        user.organization.clone(),
        word.to_owned(),
        user.roles.iter().map(role).collect::<Vec<_>>().join(", "),
        user.groups.join(", "),
        minute_or_never(user.last_seen_at.as_deref()),
    ];
    Row { cells, colour }
}

fn role(role: &ListedRole) -> String {
    match role.scopes.len() {
        0 => role.name.clone(),
        1 => format!("{} (on 1 resource)", role.name),
        several => format!("{} (on {several} resources)", role.name),
    }
}

fn status(code: &str) -> (&'static str, &'static str) {
    match code {
        "active" => ("Active", GREEN),
        "pending" => ("Pending", YELLOW),
        "deactivated" => ("Deactivated", RED),
        "not_admitted" => ("Not admitted", RED),
        "archived" => ("Archived", RED),
        // A newer server knows a status that this command does not.
        _ => ("Unknown", RED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_is_limited_does_not_look_like_one_that_holds_everywhere() {
        let shown = |scopes: &[&str]| {
            let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            role(&ListedRole { id: "support".into(), name: "support".into(), scopes })
        };
        assert_eq!(
            [shown(&[]), shown(&["a"]), shown(&["a", "b"])],
            ["support", "support (on 1 resource)", "support (on 2 resources)"]
        );
    }
}
