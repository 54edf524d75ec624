//! What clients can take into a conversation: the caller's keys, and the pages of the documentation.

use keystead_domain::{Error, KeyFilter, Status, View};
use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};

use super::caller::Caller;
use super::schema::{ApiKey, id};

const KEYS: &str = "keystead://api-keys/";
const DOCS: &str = "keystead://docs/";
const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";

/// Keys on a page of the list.
const PAGE: i64 = 50;

/// A page of the documentation, as this release has it.
struct Page {
    name: &'static str,
    title: &'static str,
    text: &'static str,
}

macro_rules! pages {
    ($($name:literal: $title:literal),+ $(,)?) => {
        [$(Page { name: $name, title: $title, text: include_str!(concat!("../../../../docs/", $name, ".md")) }),+]
    };
}

const PAGES: [Page; 9] = pages![
    "verify": "Checking keys and sessions",
    "graphql": "The GraphQL API",
    "mcp": "AI tools that manage keys",
    "embedding": "A product's own users in Keystead",
    "audit-log": "The audit log",
    "operating": "Running Keystead",
    "configuration": "Configuration",
    "command-line": "The command line",
    "token-format": "Token format",
];

/// A page of the list: the documentation first, then the caller's own keys.
pub(super) async fn list(caller: &Caller<'_>, after: Option<&str>) -> Result<ListResourcesResult, Error> {
    let keys = caller.app().keys(&caller.actor, View::Mine, &KeyFilter::default(), PAGE, after).await?;
    let pages = if after.is_none() { &PAGES[..] } else { &[] };
    let pages = pages.iter().map(|page| {
        let size = u64::try_from(page.text.len()).unwrap_or(u64::MAX);
        let resource = Resource::new(format!("{DOCS}{}", page.name), page.name).with_title(page.title);
        resource.with_mime_type(MARKDOWN).with_size(size)
    });
    let now = caller.app().now();
    let listed = keys.keys.iter().map(|key| {
        let status = match key.status(now) {
            Status::Active => "works",
            Status::ExpiringSoon => "expires within 7 days",
            Status::Expired => "has expired",
        };
        Resource::new(format!("{KEYS}{}", key.id), key.name.to_string())
            .with_title(format!("API key {}", key.name))
            .with_description(format!("{}, {status}. Its token is not here.", key.masked))
            .with_mime_type(JSON)
    });
    let mut result = ListResourcesResult::with_all_items(pages.chain(listed).collect());
    result.next_cursor = keys.cursors.last().filter(|_| keys.has_more).cloned();
    Ok(result)
}

/// How a resource is called whose id is known.
pub(super) fn templates() -> ListResourceTemplatesResult {
    ListResourceTemplatesResult::with_all_items(vec![
        ResourceTemplate::new(format!("{KEYS}{{id}}"), "api-key")
            .with_title("API key")
            .with_description("An API key that the caller may see, without its token.")
            .with_mime_type(JSON),
        ResourceTemplate::new(format!("{DOCS}{{page}}"), "docs")
            .with_title("Documentation")
            .with_description("A page of Keystead's documentation, as this release has it.")
            .with_mime_type(MARKDOWN),
    ])
}

/// What a resource holds.
pub(super) async fn read(caller: &Caller<'_>, uri: &str) -> Result<ReadResourceResult, Error> {
    let contents = if let Some(key) = uri.strip_prefix(KEYS) {
        let key = caller.app().key(&caller.actor, id(key, "API key")?).await?;
        let json = serde_json::to_string_pretty(&ApiKey::of(caller, &key)).map_err(|error| {
            tracing::error!(%error, "a key cannot be written");
            Error::Internal
        })?;
        ResourceContents::text(json, uri).with_mime_type(JSON)
    } else {
        let page = uri.strip_prefix(DOCS).and_then(|name| PAGES.iter().find(|page| page.name == name));
        ResourceContents::text(page.ok_or(Error::NotFound("resource"))?.text, uri).with_mime_type(MARKDOWN)
    };
    Ok(ReadResourceResult::new(vec![contents]))
}
