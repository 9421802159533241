//! What is said where there is little room for it, and that no two places say different things.

use spot_tui::fleet::{LockHolder, LockStanding};
use spot_tui::retry::UNAVAILABLE_POOL_TTL;

use super::panels::priced;
use super::*;

/// The lines of the screen, with one blank between words.
fn squeezed(screen: &Screen) -> String {
    screen.text().replace(['│', '|'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

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

#[test]
fn the_first_choice_is_one_wherever_it_is_told() {
    let mut screen = priced(200, 60);
    let refused = |screen: &mut Screen, zone: &str, machine_type: &str| {
        let attempt = Attempt {
            at: at(screen.second),
            zone: zone.into(),
            machine_type: machine_type.into(),
            ..attempt()
        };
        screen.report(News::Region(zone[..zone.len() - 1].into(), RegionNews::Tried(attempt)));
    };
    let told = |screen: &mut Screen, keys: &str| {
        screen.press(keys);
        let text = screen.text();
        screen.press("<Esc>1");
        text
    };
    // As the regions and the dialog say that a place was refused; the log says it otherwise.
    let refusals = [("2", "t3.medium: Insuf"), ("c", "t3.medium us-west-2")];
    let is_refused = |screen: &mut Screen, is_it: bool| {
        for (keys, said) in refusals {
            let text = told(screen, keys);
            assert_eq!(text.contains(said), is_it, "{text}");
        }
    };
    refused(&mut screen, "us-west-2a", "t3.medium");
    is_refused(&mut screen, false);
    assert!(told(&mut screen, "c").contains("t3.medium c"), "the next cheapest");
    assert!(told(&mut screen, "2").contains("c t3.medium 0.0"), "the next cheapest");
    for zone in ["us-west-2b", "us-west-2c"] {
        refused(&mut screen, zone, "t3.medium");
    }
    is_refused(&mut screen, true);
    // As long as a launch leaves them alone.
    screen.second += i64::try_from(UNAVAILABLE_POOL_TTL.as_secs()).unwrap() - 1;
    screen.send(Message::Clock);
    is_refused(&mut screen, true);
    screen.second += 1;
    screen.send(Message::Clock);
    is_refused(&mut screen, false);
}

#[test]
fn marks_are_seen_where_each_line_is_a_region() {
    let mut screen = fleet(80, 24);
    screen.press("2 ");
    let text = screen.text();
    assert_eq!((text.matches('◆').count(), text.matches('◇').count()), (1, 0), "{text}");
    screen.press("<Esc>1g 2");
    let text = screen.text();
    assert_eq!((text.matches('◆').count(), text.matches('◇').count()), (0, 1), "{text}");
    screen.press("1(");
    assert_eq!(screen.text().matches('◇').count(), 1, "{}", screen.text());
}

#[test]
fn what_orders_rows_does_nothing_unseen_to_regions() {
    let mut screen = fleet(140, 40);
    screen.press("2");
    let footer = |screen: &Screen| screen.text().lines().last().unwrap_or_default().to_owned();
    let hints = footer(&screen);
    assert!(!hints.contains("sort") && !hints.contains("columns"), "{hints}");
    let before = screen.model.remembered();
    for key in ["s", "S", "C", "(", ")"] {
        screen.press(key);
        assert!(screen.model.dialog.is_none(), "{key}");
        assert!(footer(&screen).contains("worst first"), "{key}: {}", footer(&screen));
    }
    assert_eq!(screen.model.remembered(), before);
}

#[test]
fn an_answer_that_is_long_is_told_whole() {
    for size in [(60, 15), (80, 24)] {
        let mut screen = fleet(size.0, size.1);
        screen.press("g:stop<Enter>");
        let said = screen.model.flash.as_ref().unwrap().text.clone();
        assert!(said.len() > 80, "{said}");
        assert!(squeezed(&screen).contains(&said), "{said}: {}", screen.text());
    }
}

#[test]
fn a_banner_tells_the_way_out_first_and_who_keeps_the_fleet_whole() {
    let why = "/srv/deployments/spot/instances.json.lock is in use by process 17372 since 05:29";
    let mut opening = opening((80, 24));
    opening.read_only = Some(why.into());
    let mut screen = Screen::open(opening);
    screen.model.holder = Some("process 17372 since 05:29".into());
    screen.identify();
    let said = format!("READ-ONLY (K asks it to hand over): {why}");
    assert!(squeezed(&screen).contains(&said), "{}", screen.text());
    assert!(screen.text().lines().last().unwrap().contains("K take over"), "{}", screen.text());

    let mut screen = Screen::new(80, 24);
    screen.model.lock = LockStanding::Other(keeper());
    let said = "since Nov 20, 09:00 UTC; the fleet is filled from there";
    assert!(squeezed(&screen).contains(said), "{}", screen.text());
    assert!(!screen.text().lines().last().unwrap().contains("take over"), "{}", screen.text());
}

fn keeper() -> LockHolder {
    LockHolder {
        pid: "4711".into(),
        host: "attic.example.org".into(),
        since: Some(at(0)),
        purpose: "keep".into(),
        ..LockHolder::default()
    }
}

#[test]
fn the_last_question_keeps_its_remark() {
    for (width, height) in SIZES {
        let mut screen = fleet(width, height);
        screen.model.lock = LockStanding::Other(keeper());
        for keys in ["c1", "<Enter>"] {
            screen.press(keys);
            let text = squeezed(&screen);
            assert!(text.contains("nothing is launched here") && text.contains("(keep)"), "{text}");
        }
        let text = squeezed(&screen);
        assert!(text.contains("No ]") && text.contains("beside 7 others?"), "{text}");
    }
}

#[test]
fn the_help_is_left_for_what_is_looked_for() {
    let mut screen = fleet(80, 24);
    screen.press("?");
    let footer = screen.text().lines().last().unwrap().to_owned();
    assert!(footer.contains("PgDn further") && footer.contains("/ find"), "{footer}");
    screen.press("/nuke");
    assert!(screen.text().contains("Command") && screen.text().contains("nuke"));
    screen.press("<Esc>");
    assert!(screen.model.dialog.is_none());
}
