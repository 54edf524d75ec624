//! The page that asks whether an app may act for a person, and the list of those that may.

use askama::Template;
use keystead_server::console::view::{
    Asking, ConnectedAppRow, ConnectedAppsPage, ConsentPage, DisconnectForm, Recipient, Tone,
};

use super::{assets, notice, shell, text, time};

pub(super) fn save(save: &mut impl FnMut(&str, String)) {
    for (name, host, answered_at, recipient, is_described) in [
        ("consent-site", "claude.ai", "claude.ai", Recipient::Site, false),
        ("consent-computer", "127.0.0.1:33418", "127.0.0.1:33418", Recipient::ThisComputer, false),
        ("consent-app", "cursor:", "cursor:", Recipient::App, false),
        ("consent-described", "claude.ai", "claude.ai", Recipient::Site, true),
        ("consent-described-computer", "claude.ai", "127.0.0.1:33418", Recipient::ThisComputer, true),
    ] {
        let asking = Asking {
            name: text("Claude"),
            host: text(host),
            answered_at: text(answered_at),
            recipient,
            is_described,
        };
        save(name, consent(asking));
    }
    let list = |apps, notice, dialog| {
        let mcp_url = text("https://keys.example.org/mcp");
        ConnectedAppsPage { shell: shell(), apps, mcp_url, notice, dialog }.render().unwrap()
    };
    let apps = || vec![row("a", "Claude", "claude.ai"), row("b", "Cursor", "cursor:")];
    let disconnect = DisconnectForm {
        action: text("connected-apps.html"),
        close: text("connected-apps.html"),
        name: text("Claude"),
        host: text("claude.ai"),
        last_used: time("2026-03-12T14:05:09Z"),
    };
    save("connected-apps", list(apps(), Some(notice(Tone::Good, "The app was disconnected.")), None));
    save("connected-apps-none", list(Vec::new(), None, None));
    save("connected-apps-disconnect", list(apps(), None, Some(disconnect)));
}

fn consent(asking: Asking) -> String {
    let may = ["See your API keys", "Create API keys that act as you", "Edit and revoke your API keys"];
    let template = ConsentPage {
        assets: assets(),
        csrf: text("csrf"),
        asking,
        may: may.map(text).into(),
        viewer: shell().viewer,
        switch: text("sign-in.html"),
        here: text("connected-apps.html"),
    };
    template.render().unwrap()
}

fn row(id: &str, name: &str, host: &str) -> ConnectedAppRow {
    ConnectedAppRow {
        id: text(id),
        name: text(name),
        host: text(host),
        connected: time("2026-03-01T09:00:00Z"),
        last_used: time("2026-03-12T14:05:09Z"),
        ends: time("2026-05-30T09:00:00Z"),
        disconnect: text("connected-apps-disconnect.html"),
    }
}
