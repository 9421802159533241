//! Who is told of what.

use super::*;
use crate::config::{Budget, NotifyTarget, NotifyVia};
use crate::fleet::{Amount, Notice, Notification, NotificationKind};

fn target(name: &str, on: &[NotificationKind], filter: &str) -> NotifyTarget {
    let (name, filter) = (name.to_owned(), filter.to_owned());
    NotifyTarget { name, via: NotifyVia::Command(Vec::new()), on: on.to_vec(), filter }
}

fn model(targets: Vec<NotifyTarget>) -> Model {
    let mut config = config();
    config.notify = targets;
    Model::new(Opening { config: Some(Arc::new(config)), ..opening(true) })
}

fn told(effects: &[Effect]) -> Vec<Notification> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Notify(notifications) => Some(notifications.clone()),
        _ => None,
    });
    told.flatten().collect()
}

/// AWS takes these back, in one region.
fn reclaim(model: &mut Model, region: &str, ids: &[&str]) -> Vec<Effect> {
    let running = |id: &&str| machine(id, region, Ec2State::Running);
    survey(model, region, ids.iter().map(running).collect());
    let notice = |id: &&str| Notice { instance: (**id).into(), ends: Some(at(120)) };
    let notices = RegionNews::Notices(ids.iter().map(notice).collect());
    report(model, 0, News::Region(region.into(), notices))
}

#[test]
fn an_interruption_is_told_to_those_who_asked_and_whose_filter_it_passes() {
    let interrupted = [NotificationKind::Interrupted];
    let mut model = model(vec![
        target("all", &interrupted, ""),
        target("west", &interrupted, "region:us-west-2"),
        target("ready", &[NotificationKind::Ready], ""),
    ]);
    let effects = reclaim(&mut model, REGIONS[0], &["i-1", "i-2"]);
    let west = told(&effects);
    assert_eq!(west.len(), 2, "{effects:?}");
    assert_eq!(west[0].to, ["all", "west"]);
    assert!(west[0].text.starts_with("AWS reclaims it at "), "{}", west[0].text);
    assert!(west[0].text.ends_with("(t3.medium in us-west-2a)"), "{}", west[0].text);
    let east = told(&reclaim(&mut model, REGIONS[1], &["i-3"]));
    assert_eq!(east[0].to, ["all"]);
}

#[test]
fn another_process_that_sees_the_same_tells_the_same() {
    let targets = || vec![target("all", &[NotificationKind::Interrupted], "")];
    let first = told(&reclaim(&mut model(targets()), REGIONS[0], &["i-1", "i-2"]));
    let second = told(&reclaim(&mut model(targets()), REGIONS[0], &["i-1", "i-2"]));
    assert_eq!(first[0].id, second[0].id);
    assert_ne!(first[0].id, first[1].id);
}

#[test]
fn who_may_write_nothing_tells_nobody() {
    let mut config = config();
    config.notify = vec![target("all", NotificationKind::ALL, "")];
    let read_only = Some("another process writes".to_owned());
    let config = Some(Arc::new(config));
    let mut model = Model::new(Opening { config, read_only, ..opening(true) });
    assert_eq!(told(&reclaim(&mut model, REGIONS[0], &["i-1"])), []);
}

#[test]
fn a_failure_is_told_and_so_is_its_end() {
    let mut model = model(vec![target("all", &NotificationKind::USUAL, "")]);
    let (key, running) = running("i-1");
    survey(&mut model, REGIONS[0], vec![running]);
    let mut enter = |phase: Phase| {
        let news = News::Instance(key.clone(), InstanceNews::Entered(phase));
        told(&report(&mut model, 1, news))
    };
    assert_eq!(enter(Phase::Verifying), []);
    let bad = enter(Phase::Degraded { reason: "the sensor is silent".into() });
    assert_eq!(
        (bad[0].level, bad[0].text.as_str()),
        (Level::Warning, "does not work: the sensor is silent",)
    );
    let good = enter(Phase::Ready);
    assert_eq!((good[0].kind, good[0].level), (NotificationKind::Failed, Level::Success));
    let failure = Failure::new(FailureKind::Other, Step::Verify, "out of disk", "");
    let failed = enter(Phase::Failed(failure));
    assert!(failed[0].text.contains("out of disk"), "{}", failed[0].text);
}

#[test]
fn the_terminal_is_told_a_storm_once_a_second_and_with_a_count() {
    let terminal = NotifyTarget {
        via: NotifyVia::Terminal,
        ..target("terminal", &[NotificationKind::Interrupted], "")
    };
    let mut model = model(vec![terminal]);
    let effects = reclaim(&mut model, REGIONS[0], &["i-1", "i-2", "i-3"]);
    assert_eq!(told(&effects), [], "it is not for the outbox");
    let announced = |effects: Vec<Effect>| -> Vec<String> {
        let digests = effects.into_iter().filter_map(|effect| match effect {
            Effect::Announce(digest) => Some(digest.title()),
            _ => None,
        });
        digests.collect()
    };
    let first = announced(send(&mut model, 1, Message::Clock));
    assert_eq!(first, ["AWS reclaims 3 instances in us-west-2"]);
    reclaim(&mut model, REGIONS[0], &["i-1", "i-2", "i-3", "i-4"]);
    assert!(announced(send(&mut model, 2, Message::Clock)).is_empty(), "not so soon");
    assert_eq!(announced(send(&mut model, 40, Message::Clock)).len(), 1);
}

#[test]
fn a_cap_is_told_with_its_own_subject() {
    let mut opening = opening(true);
    let mut config = config();
    config.notify = vec![target("all", &NotificationKind::USUAL, "")];
    config.budget = Budget { total_usd: Some(0.000_1), ..Budget::default() };
    opening.config = Some(Arc::new(config));
    let spent = Amount { usd: 1.0, is_partial: false };
    opening.fleet.remember_spent([(REGIONS[0].into(), spent)].into());
    let mut model = Model::new(opening);
    let reached = told(&send(&mut model, 20, Message::Clock));
    assert_eq!(reached.len(), 1);
    assert_eq!(
        (reached[0].kind, reached[0].about.as_str()),
        (NotificationKind::Budget, "total_usd")
    );
    assert_eq!(told(&send(&mut model, 40, Message::Clock)), [], "once");
}
