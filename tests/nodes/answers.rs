//! What a command line says of what nodes answered: all of it, or how much is missing, and why something
//! failed on which node.

use std::fs;

use serde_json::{Value, json};

use super::{Scene, two_nodes};
use crate::support::schema::assert_json_lines;
use crate::support::spot::Ran;

/// Prints so many lines of a hundred bytes, each with its number.
fn long_output(lines: u32) -> String {
    format!("seq 1 {lines} | awk '{{ printf \"%s %0100d\\n\", $1, 0 }}'")
}

fn all_is_printed_or_said_to_be_dropped(scene: &Scene) {
    let (spot, ids) = (&scene.spot, &scene.ids);
    let numbers = |out: &str| -> Vec<u32> {
        let lines = out.lines().filter_map(|line| line.strip_prefix("  "));
        lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
    };
    let whole = spot.run(&["exec", "--on", &ids[0], "--", &long_output(5000)]);
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert_eq!(numbers(&whole.out), (1..=5000).collect::<Vec<_>>());
    assert!(!whole.err.contains("dropped"), "{}", whole.err);

    let cut = spot.run(&["exec", "--on", &ids[0], "--", &long_output(20_000)]);
    assert_eq!(cut.code, 0, "{}", cut.err);
    let kept = numbers(&cut.out);
    assert!(kept.len() > 5000 && kept.len() < 20_000, "{}", kept.len());
    assert_eq!(kept.last(), Some(&20_000), "the newest are kept");
    let said = format!("{} earlier lines were dropped", 20_000 - kept.len());
    assert!(cut.err.contains(&said), "{said}: {}", cut.err);
}

/// Nodes that differ only before their last two hundred lines do not answer alike.
fn who_differs_early_is_not_alike(scene: &Scene) {
    for (host, word) in scene.hosts.iter().zip(["one", "two"]) {
        fs::write(host.root().join("tmp/word"), word).unwrap();
    }
    let ran = scene.spot.run(&["exec", "--", "cat /tmp/word; echo; seq 1 300"]);
    assert_eq!(ran.out.matches("exit status 0").count(), 2, "{}", ran.told());
    assert!(ran.out.contains("  one\n") && ran.out.contains("  two\n"), "{}", ran.told());
}

/// For programs: a line for each node, the lines that it printed in it, and the summary.
fn answers_are_told_in_json(scene: &Scene) {
    let (spot, ids) = (&scene.spot, &scene.ids);
    let script = "seq 1 3; test $(cat /tmp/word) = one";
    let told = spot.run(&["exec", "--json", "--", script]);
    assert_eq!(told.code, 1, "{}", told.told());
    assert_json_lines(&told.out);
    for (id, ok, end) in [(&ids[0], true, "exit status 0"), (&ids[1], false, "exit status 1")] {
        let answer = answer_of(&told, id);
        assert_eq!((&answer["ok"], &answer["text"]), (&ok.into(), &end.into()), "{answer}");
        assert_eq!(answer["lines"], json!(["1", "2", "3"]), "{answer}");
    }
    assert!(!told.out.contains(r#""event":"output""#), "they are told once: {}", told.out);
    let last = &told.lines()[told.lines().len() - 1];
    assert_eq!((&last["event"], &last["ok"]), (&"summary".into(), &false.into()), "{last}");

    let read = spot.run(&["logs", &ids[0], "--json"]);
    assert_eq!(read.code, 0, "{}", read.told());
    assert_json_lines(&read.out);
    let lines = read.lines();
    let log: Vec<_> = lines.iter().filter(|line| line["event"] == "output").collect();
    assert!(log.last().unwrap()["text"].as_str().unwrap().ends_with("END exit=0"), "{}", read.out);
    assert_eq!(answer_of(&read, &ids[0])["lines"], json!([]), "a log is told as it comes");
}

fn answer_of(told: &Ran, id: &str) -> Value {
    let is_it = |line: &Value| line["event"] == "answer" && line["instance"] == id;
    let answer = told.lines().into_iter().find(is_it);
    answer.unwrap_or_else(|| panic!("{id}: {}", told.out))
}

/// In text and in JSON; nothing is destroyed.
fn who_has_not_what_is_pulled_is_named(scene: &Scene) {
    let (spot, ids) = (&scene.spot, &scene.ids);
    fs::write(scene.hosts[0].root().join("home/ubuntu/results"), "42\n").unwrap();
    let refused = spot.run(&["destroy", "--all", "--yes", "--pull", "results"]);
    assert_eq!(refused.code, 1, "{}", refused.told());
    let named = refused.out.lines().find(|line| line.contains("results: there is no such file"));
    let named = named.unwrap_or_else(|| panic!("no reason: {}", refused.told()));
    assert!(named.contains(&ids[1]) && !named.contains(&ids[0]), "{named}");
    assert!(refused.out.contains("nothing is destroyed"), "{}", refused.told());
    assert_eq!(spot.state().len(), 2);

    let told = spot.run(&["destroy", "--all", "--yes", "--json", "--pull", "results"]);
    assert_eq!(told.code, 1, "{}", told.told());
    assert_json_lines(&told.out);
    for (id, ok, reason) in [(&ids[0], true, ""), (&ids[1], false, "there is no such file")] {
        let answer = answer_of(&told, id);
        assert_eq!((&answer["ok"], &answer["dropped"]), (&ok.into(), &0.into()), "{answer}");
        assert!(answer["text"].as_str().unwrap().contains(reason), "{answer}");
    }
}

/// A port on which nobody listens any more refuses at once.
fn a_failing_ssh_says_why(scene: &mut Scene) {
    scene.hosts[1].kill();
    let refused = scene.spot.run(&["ssh", &scene.ids[1], "--", "true"]);
    assert_eq!(refused.code, 255, "{}", refused.told());
    assert!(refused.err.contains("Connection refused"), "{}", refused.told());
}

#[test]
fn a_command_line_says_what_failed_where_and_what_it_left_out() {
    let mut scene = two_nodes();
    all_is_printed_or_said_to_be_dropped(&scene);
    who_differs_early_is_not_alike(&scene);
    answers_are_told_in_json(&scene);
    who_has_not_what_is_pulled_is_named(&scene);
    a_failing_ssh_says_why(&mut scene);
}
