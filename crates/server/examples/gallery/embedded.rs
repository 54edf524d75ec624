//! The embedded page. It is drawn by its script, from the list beside it; any token will do.

use askama::Template as _;
use keystead_server::console::view::{Dialog, EmbedPage, EmbeddedKeys, KeyList};

use crate::{assets, create_form, list, rows, text};

pub(crate) fn save(save: &mut impl FnMut(&str, String)) {
    let fragment = |list: KeyList, dialog| {
        let organization = text("Analytical Engines");
        EmbeddedKeys { organization, list, dialog }.render().unwrap()
    };
    let mut own = list(rows());
    own.may_view_all = false;
    save("embed-keys", fragment(own, None));
    save("embed-keys-create", fragment(list(rows()), Some(Dialog::Create(create_form()))));
    let mut none = list(Vec::new());
    none.may_view_all = false;
    save("embed-keys-empty", fragment(none, None));
    let mut page = |name: &str, keys, theme, colors: Option<&str>| {
        let page = EmbedPage {
            assets: assets(),
            theme,
            colors: colors.map(text),
            keys,
            origins: text("http://127.0.0.1"),
        };
        save(name, page.render().unwrap());
    };
    let blue = "--fill:#0a5fd6;--fill-hover:#0951b6;--on-accent:#ffffff;\
                --accent:light-dark(#0a5fd6, #e7efec);--outline:light-dark(#0a5fd6, #e7efec)";
    page("embed", "embed-keys.html", None, None);
    page("embed-blue", "embed-keys-create.html", Some("light"), Some(blue));
    page("embed-dark", "embed-keys-create.html", Some("dark"), Some(blue));
    page("embed-empty", "embed-keys-empty.html", None, None);
    page("embed-missing", "embed-nothing.html", None, None);
}
