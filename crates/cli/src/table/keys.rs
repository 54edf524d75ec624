//! `keystead key list`.

use keystead_app::operator::ListedKey;
use keystead_domain::Status;

use super::{GREEN, RED, Row, YELLOW, day, minute_or_never, table};

/// A line a key.
pub(crate) fn keys(keys: &[ListedKey]) -> String {
    let head = ["ID", "NAME", "KIND", "TOKEN", "STATUS", "CREATED", "EXPIRES", "LAST USED"];
    table(head, 4, &keys.iter().map(row).collect::<Vec<_>>())
}

fn row(key: &ListedKey) -> Row<8> {
    let (word, colour) = status(&key.status);
    let kind = if key.allow_impersonation { "Impersonation key" } else { "API key" };
    let cells = [
        key.id.clone(),
        key.name.clone(),
        kind.to_owned(),
        key.masked_token.clone(),
        word.to_owned(),
        day(&key.created_at),
        key.expires_at.as_deref().map_or_else(|| "Never".to_owned(), day),
        minute_or_never(key.last_used_at.as_deref()),
    ];
    Row { cells, colour }
}

fn status(code: &str) -> (&'static str, &'static str) {
    match Status::parse(&code.to_ascii_lowercase()) {
        Ok(Status::Active) => ("Active", GREEN),
        Ok(Status::ExpiringSoon) => ("Expiring soon", YELLOW),
        Ok(Status::Expired) => ("Expired", RED),
        // A newer server knows a status that this command does not.
        Err(_) => ("Unknown", RED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_with_its_kind_and_status_in_words_and_its_times_in_utc() {
        let mut key = ListedKey {
            id: "id".into(),
            name: "ci".into(),
            description: String::new(),
            masked_token: "ks_aaaa…bbbb".into(),
            status: "expired".into(),
            allow_impersonation: false,
            created_at: "2026-03-01T08:00:00Z".into(),
            expires_at: None,
            last_used_at: Some("2026-03-02T09:30:15Z".into()),
        };
        let shown =
            ["id", "ci", "API key", "ks_aaaa…bbbb", "Expired", "2026-03-01", "Never", "2026-03-02 09:30 UTC"];
        assert_eq!(row(&key).cells, shown);
        key.allow_impersonation = true;
        assert_eq!(row(&key).cells[2], "Impersonation key");
    }
}
