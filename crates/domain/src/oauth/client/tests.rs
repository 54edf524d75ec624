use serde_json::json;

use super::*;

const URL: &str = "https://app.example.com/client.json";

fn url() -> ClientIdUrl {
    ClientIdUrl::parse(URL).unwrap()
}

fn document(change: &serde_json::Value) -> Result<ClientMetadata, BadClientMetadata> {
    let mut whole = json!({
        "client_id": URL,
        "client_name": "Example App",
        "redirect_uris": ["https://app.example.com/cb", "http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "none",
        "logo_uri": "http://169.254.169.254/",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            serde_json::Value::Null => drop(whole.as_object_mut().unwrap().remove(name)),
            value => whole[name] = value.clone(),
        }
    }
    ClientMetadata::of_document(&url(), whole.to_string().as_bytes())
}

#[test]
fn a_document_names_its_own_address_and_no_secret() {
    let client = document(&json!({})).unwrap();
    assert_eq!(client.name.as_str(), "Example App");
    assert_eq!(client.redirect_uris.len(), 2);
    assert!(document(&json!({ "token_endpoint_auth_method": null })).is_ok());

    for bad in [
        json!({ "client_id": null }),
        json!({ "client_id": "https://app.example.com/client.json?" }),
        json!({ "client_id": "https://other.example.com/client.json" }),
        json!({ "client_id": ["https://app.example.com/client.json"] }),
        json!({ "client_secret": "" }),
        json!({ "client_secret": 1 }),
        json!({ "client_secret_expires_at": 0 }),
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "client_name": 1 }),
        json!({ "client_name": "x".repeat(101) }),
        json!({ "client_name": "Example\u{202e}ppA" }),
        json!({ "client_name": "Exam\u{200b}ple" }),
        json!({ "client_name": "Example\u{0}" }),
        json!({ "client_name": "Example\nApp" }),
    ] {
        let refused = document(&bad).unwrap_err();
        assert_eq!(refused.code, "invalid_client_metadata", "{bad}");
        assert!(
            refused.description.bytes().all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')),
            "RFC 6749, 5.2"
        );
    }
    for bad in [
        json!({ "redirect_uris": null }),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": ["https://app.example.com/cb", "javascript:alert(1)"] }),
        json!({ "redirect_uris": vec!["https://app.example.com/cb"; 11] }),
    ] {
        assert_eq!(document(&bad).unwrap_err().code, "invalid_redirect_uri", "{bad}");
    }
}

#[test]
fn a_description_is_one_json_object_of_at_most_16_kib() {
    let deep = "[".repeat(10_000);
    let twice =
        format!(r#"{{"client_id":"{URL}","client_id":"{URL}","redirect_uris":["https://a.example/"]}}"#);
    for bad in ["", "null", "[]", "\"x\"", "{", &deep, &twice] {
        let refused = ClientMetadata::of_document(&url(), bad.as_bytes()).unwrap_err();
        assert_eq!(refused.code, "invalid_client_metadata", "{bad:.40}");
    }
    let mut json = json!({ "client_id": URL, "redirect_uris": ["https://a.example/"] }).to_string();
    json.extend(std::iter::repeat_n(' ', ClientMetadata::MAX_BYTES - json.len()));
    assert!(ClientMetadata::of_document(&url(), json.as_bytes()).is_ok());
    json.push(' ');
    assert!(ClientMetadata::of_document(&url(), json.as_bytes()).is_err());
}

#[test]
fn a_client_without_a_name_goes_by_its_host() {
    for nameless in [json!({ "client_name": null }), json!({ "client_name": " " })] {
        assert_eq!(document(&nameless).unwrap().name.as_str(), "app.example.com");
    }
    let long = format!("https://paypal.com.{}.evil.example/cb", ["x".repeat(60), "y".repeat(60)].join("."));
    let name = ClientMetadata::of_registration(json!({ "redirect_uris": [long] }).to_string().as_bytes())
        .unwrap()
        .name;
    assert!(name.as_str().ends_with(".evil.example") && name.as_str().chars().count() == 100);
}

#[test]
fn a_registration_needs_a_redirect_uri_and_gets_no_secret() {
    let json = json!({
        "client_name": "Older Client",
        "redirect_uris": ["http://localhost:6274/oauth/callback"],
        "token_endpoint_auth_method": "client_secret_post",
    });
    let client = ClientMetadata::of_registration(json.to_string().as_bytes()).unwrap();
    assert_eq!(client.name.as_str(), "Older Client");
    assert_eq!(ClientMetadata::of_registration(b"{}").unwrap_err().code, "invalid_redirect_uri");
    let plain = json!({ "redirect_uris": ["http://app.example.com/cb"] }).to_string();
    assert_eq!(ClientMetadata::of_registration(plain.as_bytes()).unwrap_err().code, "invalid_redirect_uri");
}

#[test]
fn only_a_redirect_uri_that_the_client_named_is_answered_at() {
    let two = document(&json!({})).unwrap();
    let to = |client: &ClientMetadata, asked| client.redirect_uri(asked).map(|uri| uri.to_string());
    assert_eq!(to(&two, Some("https://app.example.com/cb")).as_deref(), Some("https://app.example.com/cb"));
    assert_eq!(
        to(&two, Some("http://127.0.0.1:999/cb")).as_deref(),
        Some("http://127.0.0.1:999/cb"),
        "the port asked for"
    );
    assert_eq!(to(&two, None), None, "of two, none is meant");
    for other in [
        "",
        "https://app.example.com/cb/",
        "https://app.example.com/cb?x",
        "https://evil.example/cb",
        "javascript:alert(1)",
    ] {
        assert_eq!(to(&two, Some(other)), None, "{other}");
    }
    let one = document(&json!({ "redirect_uris": ["https://app.example.com/cb"] })).unwrap();
    assert_eq!(to(&one, None).as_deref(), Some("https://app.example.com/cb"));
}
