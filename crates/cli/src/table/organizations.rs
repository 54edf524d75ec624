//! `keystead organization list`.

use keystead_app::operator::ListedOrganization;

use super::{GREEN, RED, Row, day, table};

/// A line an organization.
pub(crate) fn organizations(organizations: &[ListedOrganization]) -> String {
    let head = ["ID", "NAME", "STATUS", "USERS", "CREATED", "ARCHIVED"];
    table(head, 2, &organizations.iter().map(row).collect::<Vec<_>>())
}

fn row(organization: &ListedOrganization) -> Row<6> {
    let (word, colour) =
        if organization.archived_at.is_some() { ("Archived", RED) } else { ("In use", GREEN) };
    let cells = [
        organization.id.clone(),
        organization.name.clone(),
        word.to_owned(),
        organization.users.to_string(),
        day(&organization.created_at),
        organization.archived_at.as_deref().map(day).unwrap_or_default(),
    ];
    Row { cells, colour }
}
