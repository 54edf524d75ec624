//! An app that the administrator connects, for its access token.

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystead_app::{App, CodeRedemption, RequestOrigin};
use keystead_domain::{Actor, AuthorizationParameters};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::fill;

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// Registers it, allows it, and redeems its code: an access token that counts for 15 minutes.
pub(crate) async fn access_token(app: &App, actor: &Actor) -> Result<String> {
    let origin = RequestOrigin::default();
    let said = serde_json::json!({ "client_name": "Measurement", "redirect_uris": [REDIRECT_URI] });
    let client = app.register_client(said.to_string().as_bytes(), &origin).await;
    let client_id = client.map_err(|why| anyhow!("no client: {why:?}"))?.id.to_string();
    let code_verifier = URL_SAFE_NO_PAD.encode(fill::random::<32>()?);
    let asked = AuthorizationParameters {
        response_type: Some("code".to_owned()),
        client_id: Some(client_id.clone()),
        redirect_uri: Some(REDIRECT_URI.to_owned()),
        code_challenge: Some(URL_SAFE_NO_PAD.encode(Sha256::digest(&code_verifier))),
        code_challenge_method: Some("S256".to_owned()),
        ..AuthorizationParameters::default()
    };
    let pending = app.check_authorization(&asked).await.map_err(|why| anyhow!("not asked: {why:?}"))?;
    let answer = app.approve(actor, &pending).await?;
    let code = answer.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("code="));
    let redemption = CodeRedemption {
        code: Zeroizing::new(code.context("a code")?.to_owned()),
        client_id,
        redirect_uri: Some(REDIRECT_URI.to_owned()),
        code_verifier: Zeroizing::new(code_verifier),
        resource: None,
    };
    let tokens = app.redeem_code(&redemption, &origin).await;
    Ok(tokens.map_err(|why| anyhow!("no tokens: {why:?}"))?.access_token.to_string())
}
