//! What a new key is pasted into, ready to be pasted: shown with the token, once (promise 2).

use serde_json::json;

use super::place::Place;
use super::view::Snippet;

/// Where a new key works, and whose page says so.
pub(super) struct Setting<'a> {
    /// The server's public address, without a slash at its end.
    pub(super) url: &'a str,
    /// In a product's page nothing bears Keystead's name.
    pub(super) place: Place,
}

impl Setting<'_> {
    /// What to do with a key that acts as its creator.
    pub(super) fn of_key(&self, token: &str) -> Vec<Snippet> {
        let (server, variable) = match self.place {
            Place::Console => ("keystead", "KEYSTEAD_API_KEY"),
            Place::Embedded => ("api-keys", "API_KEY"),
        };
        let verify = quoted(&format!("{}/verify", self.url));
        let mcp = format!("{}/mcp", self.url);
        vec![
            Snippet {
                id: "curl",
                label: "curl",
                about: "Tells whose key it is, if it works.",
                text: format!("curl -i {verify} \\\n  -H \"Authorization: Bearer {token}\""),
            },
            Snippet {
                id: "mcp-command",
                label: "MCP client, by command",
                about: "Adds the server to Claude Code. Other clients have a command like it.",
                text: format!(
                    "claude mcp add --transport http {server} {} \\\n  --header \"Authorization: Bearer {token}\"",
                    quoted(&mcp)
                ),
            },
            Snippet {
                id: "mcp-json",
                label: "MCP client, as JSON",
                about: "For .mcp.json, mcp.json or whatever your client reads. Keep that file out of version control.",
                text: mcp_servers(server, &mcp, token),
            },
            Snippet {
                id: "variable",
                label: "Environment variable",
                about: "For programs that read the token from their environment.",
                text: format!("export {variable}={token}"),
            },
        ]
    }

    /// What to do with an impersonation key, which is for servers: no client of a person's is given one. `email` is whom the
    /// example signs in.
    pub(super) fn of_impersonation_key(&self, token: &str, email: &str) -> Vec<Snippet> {
        let body = json!({
            "query": "mutation($key: String!, $user: String!) { impersonateUser(accessToken: $key, userEmail: $user) }",
            "variables": { "key": token, "user": email },
        });
        vec![
            Snippet {
                id: "curl",
                label: "curl",
                about: "Mints a session for you. Put the address of any of your users in place of yours.",
                text: format!(
                    "curl {} \\\n  -H \"Content-Type: application/json\" \\\n  -d {}",
                    quoted(&format!("{}/graphql", self.url)),
                    quoted(&body.to_string())
                ),
            },
            Snippet {
                id: "variable",
                label: "Environment variable",
                about: "For the server that signs your users in.",
                text: format!("export KEYSTEAD_IMPERSONATION_KEY={token}"),
            },
        ]
    }
}

/// The file that MCP clients share the form of. Laid out by hand: a client's own layout starts with the address.
fn mcp_servers(server: &str, url: &str, token: &str) -> String {
    let (server, url) = (json!(server), json!(url));
    let proof = json!(format!("Bearer {token}"));
    format!(
        "{{\n  \"mcpServers\": {{\n    {server}: {{\n      \"type\": \"http\",\n      \"url\": {url},\n      \
         \"headers\": {{ \"Authorization\": {proof} }}\n    }}\n  }}\n}}"
    )
}

/// A word of a shell's command line (POSIX.1-2024, Shell & Utilities, 2.2.2). What no shell reads as anything else stays as it
/// is, so that usual addresses work in those of other systems, too.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const HOSTILE: &str = "https://a'$(id)`id`\"\\;&|*[x]~{1,2}!b.example";

    fn all(url: &str) -> Vec<Snippet> {
        let setting = Setting { url, place: Place::Console };
        let mut all = setting.of_key("ks_standin");
        all.extend(setting.of_impersonation_key("ks_standin", "o'hara@example.com"));
        all
    }

    #[test]
    fn each_snippet_holds_the_token_once() {
        for snippet in all("https://keys.example.com") {
            assert_eq!(snippet.text.matches("ks_standin").count(), 1, "{}", snippet.text);
        }
    }

    #[test]
    fn a_usual_address_needs_no_quotes() {
        let all = all("https://keys.example.com:8443");
        assert!(all[0].text.starts_with("curl -i https://keys.example.com:8443/verify \\\n"));
        assert!(all[1].text.contains(" keystead https://keys.example.com:8443/mcp \\\n"));
        assert!(quoted("http://[::1]:8080/mcp").starts_with('\''), "zsh takes brackets for a pattern");
    }

    #[test]
    fn a_shell_takes_any_public_address_and_any_e_mail_address_for_one_word() {
        for (snippet, word) in [
            (0, format!("{HOSTILE}/verify")),
            (1, format!("{HOSTILE}/mcp")),
            (4, format!("{HOSTILE}/graphql")),
            (4, "o'hara@example.com".to_owned()),
        ] {
            let text = all(HOSTILE).remove(snippet).text;
            let (_, arguments) = text.split_once(' ').unwrap();
            let script = format!("printf '%s\\n' {arguments}");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            let words = String::from_utf8(output.stdout).unwrap();
            assert!(words.lines().any(|line| line.contains(&word)), "{word} in {words}");
        }
    }

    #[test]
    fn the_configuration_is_json_whatever_the_address() {
        let text = all(HOSTILE).remove(2).text;
        let parsed: Value = serde_json::from_str(&text).unwrap();
        let server = &parsed["mcpServers"]["keystead"];
        assert_eq!(server["url"], format!("{HOSTILE}/mcp"));
        assert_eq!(server["headers"]["Authorization"], "Bearer ks_standin");
    }

    #[test]
    fn an_impersonation_key_goes_into_no_client_of_a_persons() {
        let setting = Setting { url: "https://keys.example.com", place: Place::Console };
        let texts = setting.of_impersonation_key("ksi_standin", "ada@example.com");
        assert!(texts.iter().all(|snippet| !snippet.text.to_lowercase().contains("mcp")));
    }

    #[test]
    fn a_products_users_are_not_told_the_name_of_this_product() {
        let setting = Setting { url: "https://keys.example.com", place: Place::Embedded };
        let texts = setting.of_key("ks_standin");
        assert!(texts.iter().all(|snippet| !snippet.text.to_lowercase().contains("keystead")));
    }
}
