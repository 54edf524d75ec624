//! A browser and its system, in words, from what it says of itself. Good enough to tell one's own laptop from one's own phone: what a
//! browser says is what it likes to say.

use keystead_domain::UserAgent;

/// What stands in a user agent, and what that is called. Whoever imitates another names it, too, so the imitators come first.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// "Firefox on Linux".
pub(super) fn words(agent: Option<&UserAgent>) -> String {
    let Some(agent) = agent else { return "A browser that did not say which".to_owned() };
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.as_str().contains(mark)).map(|(_, name)| *name)
    };
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_however_they_imitate_each_other() {
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            (
                &format!("Mozilla/5.0 (X11; CrOS x86_64) {WEBKIT} Chrome/142.0 Safari/537.36"),
                "Chrome on ChromeOS",
            ),
            (
                &format!("Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0"),
                "Edge on Windows",
            ),
            (
                &format!("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) {WEBKIT} Safari/604.1"),
                "Safari on iPhone",
            ),
            (
                &format!("Mozilla/5.0 (Linux; Android 16) {WEBKIT} Chrome/142.0 Mobile Safari/537.36"),
                "Chrome on Android",
            ),
            ("curl/8.16.0", "curl"),
            ("<script>alert(1)</script>", "An unknown browser"),
        ] {
            assert_eq!(words(UserAgent::of_header(agent.as_bytes()).as_ref()), expected);
        }
        assert_eq!(words(None), "A browser that did not say which");
    }
}
