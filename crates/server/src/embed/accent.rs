//! The product's colour, where it can be read.
//!
//! A product chooses one colour for a page that may be light or dark. It fills buttons as it is, with black or white on it;
//! where it would stand *on* the page, as text, outline or focus ring, it is used only if it is seen there (WCAG 2.2: 4.5:1
//! for text, 1.4.3; 3:1 for the parts of controls, 1.4.11), and the page's own ink otherwise.

use std::fmt::{self, Write as _};

/// A colour of the product's, `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent(Rgb);

type Rgb = [u8; 3];

/// What stands on a page that is light, or dark: the backgrounds that there are, and the ink on them. They are the tokens
/// `--sheet` and `--sunk`, what `--tint` is made of them, and `--ink` of the style sheet.
struct Page {
    backgrounds: [Rgb; 3],
    ink: Rgb,
}

const LIGHT: Page = Page {
    backgrounds: [[0xff, 0xff, 0xff], [0xf4, 0xf7, 0xf6], [0xee, 0xef, 0xef]],
    ink: [0x11, 0x20, 0x1c],
};
const DARK: Page = Page {
    backgrounds: [[0x13, 0x1c, 0x1a], [0x0f, 0x17, 0x16], [0x22, 0x2b, 0x29]],
    ink: [0xe7, 0xef, 0xec],
};
const WHITE: Rgb = [255; 3];
const BLACK: Rgb = [0; 3];

impl Accent {
    /// `#` and six hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// The custom properties of the style sheet that follow from it: `--fill:#0a5fd6;--on-accent:#fff…`.
    pub(super) fn properties(self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &dyn fmt::Display| {
            let gap = if text.is_empty() { "" } else { ";" };
            // Writing to a string does not fail.
            _ = write!(text, "{gap}--{name}:{value}");
        };
        let on_page = |least: f64| {
            format!("light-dark({}, {})", Hex(self.seen_on(&LIGHT, least)), Hex(self.seen_on(&DARK, least)))
        };
        add("fill", &Hex(self.0));
        add("fill-hover", &Hex(self.hover()));
        add("on-accent", &Hex(self.text()));
        add("accent", &on_page(4.5));
        add("outline", &on_page(3.0));
        text
    }

    /// Black or white, whichever is read better on it. One of them always has 4.58:1 or more.
    fn text(self) -> Rgb {
        if contrast(self.0, WHITE) >= contrast(self.0, BLACK) { WHITE } else { BLACK }
    }

    /// A little further from the text on it, so that it is read no worse.
    fn hover(self) -> Rgb {
        let away = if self.text() == WHITE { BLACK } else { WHITE };
        mix(self.0, away, 15)
    }

    /// The accent, or the page's ink if it would not be seen well enough.
    fn seen_on(self, page: &Page, least: f64) -> Rgb {
        let is_seen = page.backgrounds.iter().all(|background| contrast(self.0, *background) >= least);
        if is_seen { self.0 } else { page.ink }
    }
}

struct Hex(Rgb);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// So many hundredths of the other colour, as CSS mixes them in sRGB.
fn mix(color: Rgb, other: Rgb, hundredths: u16) -> Rgb {
    std::array::from_fn(|channel| {
        let sum = u16::from(color[channel]) * (100 - hundredths) + u16::from(other[channel]) * hundredths;
        u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
    })
}

/// The contrast ratio of WCAG 2.2, from 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The relative luminance of WCAG 2.2, from 0 to 1.
fn luminance(color: Rgb) -> f64 {
    let linear = color.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 17th level of each channel, and the ends.
    fn colors() -> impl Iterator<Item = Accent> {
        let levels = || (0..=255).step_by(17).map(|level| u8::try_from(level).unwrap());
        levels().flat_map(move |red| {
            levels().flat_map(move |green| levels().map(move |blue| Accent([red, green, blue])))
        })
    }

    #[test]
    fn text_on_any_accent_can_be_read() {
        for accent in colors() {
            assert!(contrast(accent.0, accent.text()) >= 4.5, "{accent:?}");
            assert!(contrast(accent.hover(), accent.text()) >= 4.5, "{accent:?} under the pointer");
        }
    }

    #[test]
    fn what_stands_on_the_page_can_be_seen_in_both_themes() {
        for accent in colors() {
            for page in [&LIGHT, &DARK] {
                for background in page.backgrounds {
                    assert!(contrast(accent.seen_on(page, 4.5), background) >= 4.5, "{accent:?} as text");
                    assert!(contrast(accent.seen_on(page, 3.0), background) >= 3.0, "{accent:?} as outline");
                }
            }
        }
    }

    #[test]
    fn the_accent_itself_is_used_wherever_it_is_seen() {
        let blue = Accent::parse("#0a5fd6").unwrap();
        assert_eq!(
            blue.properties(),
            "--fill:#0a5fd6;--fill-hover:#0951b6;--on-accent:#ffffff;\
             --accent:light-dark(#0a5fd6, #e7efec);--outline:light-dark(#0a5fd6, #e7efec)"
        );
        let yellow = Accent::parse("#FFCC00").unwrap().properties();
        assert!(yellow.contains("--on-accent:#000000;--accent:light-dark(#11201c, #ffcc00)"), "{yellow}");
    }

    #[test]
    fn contrast_is_computed_against_the_pages_own_colours() {
        let css = include_str!("../../assets/console.css");
        for (name, light, dark) in [
            ("sheet", LIGHT.backgrounds[0], DARK.backgrounds[0]),
            ("sunk", LIGHT.backgrounds[1], DARK.backgrounds[1]),
            ("ink", LIGHT.ink, DARK.ink),
        ] {
            let token = format!("--{name}: light-dark({}, {});", Hex(light), Hex(dark));
            assert!(css.replace("(#fff,", "(#ffffff,").contains(&token), "{token}");
        }
        assert!(css.contains("--tint: color-mix(in srgb, var(--ink) 7%, var(--sheet));"));
        for page in [LIGHT, DARK] {
            assert_eq!(mix(page.backgrounds[0], page.ink, 7), page.backgrounds[2]);
        }
    }

    #[test]
    fn an_accent_is_six_digits_and_nothing_else() {
        assert_eq!(Accent::parse("#0A5fd6"), Some(Accent([0x0a, 0x5f, 0xd6])));
        for bad in
            ["", "#", "0a5fd6", "#0a5fd", "#0a5fd66", "#0a5fdg", "#+a5fd6", "red", "#0a5fd6;x", "#é1234"]
        {
            assert_eq!(Accent::parse(bad), None, "{bad}");
        }
    }
}
