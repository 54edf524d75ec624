//! Who may embed the page, and how it looks there.

use http::HeaderValue;

use super::Accent;

/// What a deployment says about the embedded page. By default nobody may embed it.
#[derive(Debug, Clone, Default)]
pub struct Embedding {
    /// The origins (RFC 6454) whose pages may frame it and exchange messages with it, as browsers write them:
    /// `https://app.example.com`.
    pub origins: Vec<String>,
    /// The product's colour; `None` keeps the console's.
    pub accent: Option<Accent>,
    /// Light or dark.
    pub theme: Theme,
}

/// Whether a page is light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Light, whatever the system says.
    Light,
    /// Dark, whatever the system says.
    Dark,
    /// As the system of whoever looks at it is set.
    #[default]
    Auto,
}

impl Theme {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            "auto" => Some(Self::Auto),
            _ => None,
        }
    }

    /// The value of the page's `data-theme`, which overrides the system.
    pub(super) fn forced(self) -> Option<&'static str> {
        match self {
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
            Self::Auto => None,
        }
    }
}

impl Embedding {
    /// Accent and theme as the page's query asks for them, or else as they are set. What a query has that makes no sense is
    /// no reason to keep people from their keys.
    pub(super) fn look(&self, query: &str) -> (Option<Accent>, Theme) {
        let value = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
        };
        (
            value("accent").and_then(|text| Accent::parse(&text)).or(self.accent),
            value("theme").and_then(|text| Theme::parse(&text)).unwrap_or(self.theme),
        )
    }

    /// The page's Content-Security-Policy, with those who may frame it; `None` if nobody may.
    pub(super) fn policy(&self) -> Option<HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let origins = self.origins.join(" ");
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'none'; base-uri 'none'; frame-ancestors {origins}"
        );
        HeaderValue::try_from(policy).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding() -> Embedding {
        Embedding {
            origins: vec!["https://app.example.com".to_owned(), "http://localhost:3000".to_owned()],
            accent: Accent::parse("#0a5fd6"),
            theme: Theme::Dark,
        }
    }

    #[test]
    fn only_the_origins_of_the_list_may_frame_the_page() {
        let policy = embedding().policy().unwrap();
        let policy = policy.to_str().unwrap();
        assert!(
            policy.ends_with("; frame-ancestors https://app.example.com http://localhost:3000"),
            "{policy}"
        );
        assert_eq!(Embedding::default().policy(), None);
    }

    #[test]
    fn the_query_chooses_accent_and_theme_and_nonsense_chooses_nothing() {
        let look = |query| embedding().look(query);
        let set = (Accent::parse("#0a5fd6"), Theme::Dark);
        assert_eq!(look("token=x"), set);
        assert_eq!(look("token=x&accent=%23FFcc00&theme=light"), (Accent::parse("#ffcc00"), Theme::Light));
        assert_eq!(look("theme=auto"), (set.0, Theme::Auto));
        for nonsense in [
            "accent=red&theme=blue",
            "accent=ffcc00&theme=",
            "accent=%23ffcc0&theme=Light",
            "accent=%23ffcc00%3B--x%3A1",
            "accent=%23%C3%A91234&theme=%00",
            "%%%&accent",
        ] {
            assert_eq!(look(nonsense), set, "{nonsense}");
        }
    }
}
