//! The stylesheet.

use super::style;
use std::collections::BTreeMap;

/// Colors by name, of the light scheme and of the dark one.
fn schemes() -> [BTreeMap<String, String>; 2] {
    let blocks = style().split(":root {").skip(1).filter_map(|rest| rest.split_once('}')).map(|(block, _)| block);
    let colors = |block: &str| {
        let declarations = block.split(';').filter_map(|declaration| declaration.trim().split_once(": "));
        declarations.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    blocks.map(colors).collect::<Vec<_>>().try_into().expect("two schemes")
}

/// The relative luminance of a color, 0 to 1: WCAG 2.2.
fn luminance(color: &str) -> f64 {
    let hex = color.strip_prefix('#').expect("a color in hexadecimal digits");
    let hex = if hex.len() == 3 { hex.chars().flat_map(|digit| [digit, digit]).collect() } else { hex.to_owned() };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

/// The contrast of two colors, 1 to 21: WCAG 2.2.
fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn check(least: f64, fore: &[&str], back: &[&str]) {
    for scheme in schemes() {
        for (fore, back) in fore.iter().flat_map(|fore| back.iter().map(move |back| (fore, back))) {
            let contrast = contrast(&scheme[&format!("--{fore}")], &scheme[&format!("--{back}")]);
            assert!(contrast >= least, "{fore} on {back}: {contrast:.2}, {scheme:?}");
        }
    }
}

#[test]
fn text_has_the_contrast_of_level_aa_in_both_schemes() {
    check(4.5, &["ink", "muted", "link"], &["paper", "card", "soft"]);
    for severity in ["critical", "high", "medium", "low", "flag"] {
        check(4.5, &[&format!("{severity}-ink")], &[severity]);
    }
    check(4.5, &["pale-ink"], &["l1", "l2", "l3"]);
    check(4.5, &["deep-ink"], &["l4", "l5"]);
}

#[test]
fn lines_and_bars_have_the_contrast_of_graphics_in_both_schemes() {
    check(3.0, &["bar", "usual", "critical", "high"], &["paper", "card"]);
    // The cells of a week.
    check(3.0, &["bar", "l4", "l5"], &["soft"]);
}

#[test]
fn contrast_is_that_of_the_standard() {
    assert!((contrast("#000", "#ffffff") - 21.0).abs() < 1e-9);
    assert!((contrast("#767676", "#fff") - 4.54).abs() < 0.01);
}

#[test]
fn both_schemes_have_the_same_colors() {
    let [light, dark] = schemes();
    let names = |scheme: &BTreeMap<String, String>| {
        scheme.keys().filter(|name| name.starts_with("--")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&light), names(&dark));
}

#[test]
fn the_stylesheet_loads_nothing() {
    for needle in ["url(", "@import", "http", "</"] {
        assert!(!style().contains(needle), "{needle}");
    }
}
