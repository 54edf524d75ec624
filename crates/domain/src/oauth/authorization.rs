//! A client's request to act for a user, and the answer to it, which goes through the user's browser (OAuth 2.1, section 4.1).

use crate::oauth::{CodeChallenge, RedirectUri};

/// The parameters of a request as they came (OAuth 2.1, section 4.1.1; RFC 7636; RFC 8707).
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are the parameters'")]
pub struct AuthorizationParameters {
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub resource: Option<String>,
    pub state: Option<String>,
}

/// Why a request is refused, for the client's developer (OAuth 2.1, sections 3.2.4 and 4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OauthRefusal {
    /// The code of the error.
    pub code: &'static str,
    /// What is wrong. It repeats nothing of the request, and has no quotes.
    pub description: &'static str,
}

impl OauthRefusal {
    /// The person said no.
    pub const ACCESS_DENIED: Self = refusal("access_denied", "The person did not allow it.");
    /// The code counts no more, or is not for this client: which, nobody is told.
    pub const INVALID_CODE: Self = refusal(
        "invalid_grant",
        "The code does not work: it is used, too old, or was made for another request.",
    );
    /// The refresh token counts no more.
    pub const INVALID_REFRESH_TOKEN: Self = refusal(
        "invalid_grant",
        "The refresh token does not work: it is used, too old, or the app was disconnected. Ask the person again.",
    );
    /// The token is wanted for something else than there is (RFC 8707, section 2).
    pub const INVALID_TARGET: Self = refusal(
        "invalid_target",
        "Tokens are made for the MCP server of this deployment only: its URL is the resource.",
    );
}

const fn refusal(code: &'static str, description: &'static str) -> OauthRefusal {
    OauthRefusal { code, description }
}

/// What a client asks for.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest {
    /// What it must show when it redeems the code.
    pub challenge: CodeChallenge,
}

impl AuthorizationRequest {
    /// The request, if it is one that can be granted. Where the answer goes was checked before.
    pub fn parse(parameters: &AuthorizationParameters, resource: &str) -> Result<Self, OauthRefusal> {
        match parameters.response_type.as_deref() {
            Some("code") => {}
            None => return Err(refusal("invalid_request", "Send response_type=code.")),
            Some(_) => return Err(refusal("unsupported_response_type", "Send response_type=code.")),
        }
        if !matches!(parameters.response_mode.as_deref(), None | Some("query")) {
            return Err(refusal(
                "invalid_request",
                "The answer comes in the query: leave out response_mode.",
            ));
        }
        check_resource(parameters.resource.as_deref(), resource)?;
        let method = parameters.code_challenge_method.as_deref();
        let challenge = CodeChallenge::parse(parameters.code_challenge.as_deref(), method).ok_or(refusal(
            "invalid_request",
            "Send a code_challenge with code_challenge_method=S256 (RFC 7636).",
        ))?;
        Ok(Self { challenge })
    }
}

/// Whether a token is asked for what there is (RFC 8707): left out, that is it.
pub fn check_resource(asked: Option<&str>, resource: &str) -> Result<(), OauthRefusal> {
    if asked.is_none_or(|asked| asked == resource) { Ok(()) } else { Err(OauthRefusal::INVALID_TARGET) }
}

/// Where the answer to a request goes, with what belongs to every answer.
#[derive(Debug, Clone)]
pub struct AnswerTo {
    /// The client's address.
    pub redirect_uri: RedirectUri,
    /// What the client sent along to know its answer by.
    pub state: Option<String>,
    /// Who answers (RFC 9207): a client that talks to several servers is not mixed up.
    pub issuer: String,
}

impl AnswerTo {
    /// The longest state that is sent back.
    pub const STATE_MAX: usize = 2_048;

    /// To send the browser to with a code.
    #[must_use]
    pub fn with_code(&self, code: &str) -> String {
        self.url(&[("code", code)])
    }

    /// To send the browser to with an error.
    #[must_use]
    pub fn with_refusal(&self, refusal: OauthRefusal) -> String {
        self.url(&[("error", refusal.code), ("error_description", refusal.description)])
    }

    /// The client's address stays as it is, letter by letter: parameters are added at its end.
    fn url(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.redirect_uri.as_str().to_owned();
        url.push(if url.contains('?') { '&' } else { '?' });
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        url + &query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCE: &str = "https://keys.example.com/mcp";

    fn good() -> AuthorizationParameters {
        AuthorizationParameters {
            response_type: Some("code".to_owned()),
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            code_challenge_method: Some("S256".to_owned()),
            resource: Some(RESOURCE.to_owned()),
            ..AuthorizationParameters::default()
        }
    }

    fn code_of(parameters: &AuthorizationParameters) -> Option<&'static str> {
        AuthorizationRequest::parse(parameters, RESOURCE).err().map(|refusal| refusal.code)
    }

    #[test]
    fn nothing_is_granted_but_a_code_with_proof_for_the_mcp_server() {
        assert_eq!(code_of(&good()), None);
        assert_eq!(code_of(&AuthorizationParameters { resource: None, ..good() }), None);
        let with = |change: fn(&mut AuthorizationParameters)| {
            let mut parameters = good();
            change(&mut parameters);
            code_of(&parameters)
        };
        assert_eq!(with(|it| it.response_type = None), Some("invalid_request"));
        assert_eq!(with(|it| it.response_type = Some("token".into())), Some("unsupported_response_type"));
        assert_eq!(
            with(|it| it.response_type = Some("code id_token".into())),
            Some("unsupported_response_type")
        );
        assert_eq!(with(|it| it.response_mode = Some("fragment".into())), Some("invalid_request"));
        assert_eq!(with(|it| it.code_challenge = None), Some("invalid_request"));
        assert_eq!(with(|it| it.code_challenge_method = None), Some("invalid_request"));
        assert_eq!(with(|it| it.code_challenge_method = Some("plain".into())), Some("invalid_request"));
        for other in [
            "https://keys.example.com",
            "https://keys.example.com/mcp/",
            "https://keys.example.com/graphql",
            "https://evil.example/mcp",
        ] {
            let parameters = AuthorizationParameters { resource: Some(other.into()), ..good() };
            assert_eq!(code_of(&parameters), Some("invalid_target"), "{other}");
        }
    }

    #[test]
    fn an_answer_adds_to_the_client_s_address_and_changes_nothing_of_it() {
        let to = |uri: &str, state: Option<&str>| AnswerTo {
            redirect_uri: RedirectUri::parse(uri).unwrap(),
            state: state.map(str::to_owned),
            issuer: "https://keys.example.com".to_owned(),
        };
        assert_eq!(
            to("https://app.example/Cb", Some("a&code=b #")).with_code("c"),
            "https://app.example/Cb?code=c&state=a%26code%3Db+%23&iss=https%3A%2F%2Fkeys.example.com"
        );
        assert_eq!(
            to("https://app.example/cb?x=%7e", None).with_refusal(OauthRefusal::ACCESS_DENIED),
            "https://app.example/cb?x=%7e&error=access_denied&error_description=The+person+did+not+allow+it.\
             &iss=https%3A%2F%2Fkeys.example.com"
        );
        assert!(to("cursor://x/cb", None).with_code("c").starts_with("cursor://x/cb?code=c&iss="));
    }
}
