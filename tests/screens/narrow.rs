//! What is said where there is little room for it, and that no two places say different things.

use super::panels::priced;
use super::*;

#[test]
fn on_the_smallest_screen_a_destroy_says_what_goes() {
    let mut screen = fleet(60, 15);
    screen.press("gad");
    let text = screen.text();
    for said in ["us-west-2", "eu-west-1", "ap-southeast-2", "cannot", "Type '7'"] {
        assert!(text.contains(said), "{said} is missing: {text}");
    }
    assert!(!text.contains("PgDn and PgUp"), "{text}");
    screen.press("<Esc>X");
    let text = screen.text();
    assert!(text.contains("account's number") || text.contains("Type '"), "{text}");
}

#[test]
fn prices_of_another_region_are_not_told_with_what_the_row_costs() {
    let mut screen = priced(140, 40);
    screen.press("$");
    assert!(screen.text().contains(" address"), "{}", screen.text());
    screen.press(">");
    assert!(!screen.text().contains(" address"), "{}", screen.text());
}
