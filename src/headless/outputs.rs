//! What nodes print for a command of the user's: kept until all have ended, and printed then, those that
//! answered alike together. A screen has use for less of it (`app::Answers`); here somebody may want it in
//! a file. It is bounded all the same, and what was dropped is said.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufWriter, Write};

use super::line::{Event, LONGEST};
use crate::app::{InstanceAnswer, Model, clean};
use crate::fleet::{InstanceKey, JobId, JobKind};

/// What is kept of one node, in bytes.
const NODE: usize = 1 << 20;
/// What is kept of all nodes together, in bytes: where there are many, each has its share.
const ALL: usize = 128 << 20;
/// What is kept of each node at the least, in bytes: more than the longest line.
const LEAST: usize = 64 << 10;

/// What the nodes of one job printed so far.
#[derive(Debug, Default)]
pub(super) struct Transcripts {
    job: Option<JobId>,
    /// What is kept of each, in bytes.
    bound: usize,
    of: BTreeMap<InstanceKey, Transcript>,
}

/// The newest lines that one node printed. Bytes, for lines of their own would take many times the
/// room of what is in them.
#[derive(Debug, Default)]
struct Transcript {
    /// Each line with its end.
    text: VecDeque<u8>,
    dropped: u64,
}

/// What one node answered.
#[derive(Debug, Clone, Copy)]
pub struct NodeOutput<'a> {
    pub(super) key: &'a InstanceKey,
    label: &'a str,
    pub(super) went_well: bool,
    end: &'a str,
    /// What it printed, a line each.
    text: &'a str,
    /// How many earlier lines are not in the text.
    dropped: u64,
}

/// Nodes that answered alike.
struct Group<'a> {
    answer: NodeOutput<'a>,
    labels: Vec<&'a str>,
}

impl Transcripts {
    /// Takes in a line of the newest message, where it is of what the user asked nodes for, and tells
    /// whether it is: what a deployment prints is nobody's answer, and a log that is followed has no end.
    pub(super) fn push(&mut self, model: &Model, key: &InstanceKey, line: &str) -> bool {
        let job = model.latest.job;
        let is_log = model.jobs.get(&job).is_some_and(|job| job.kind == JobKind::Logs);
        let asked = model.answers.as_ref().filter(|asked| asked.job == job && !is_log);
        let Some(asked) = asked else { return false };
        if self.job != Some(job) {
            let bound = share(asked.answers.len());
            *self = Self { job: Some(job), bound, of: BTreeMap::new() };
        }
        self.of.entry(key.clone()).or_default().push(&clean(line, LONGEST), self.bound);
        true
    }

    /// What each node answered to what the user asked for last, in the order of the table.
    pub(super) fn outputs<'a>(&'a mut self, model: &'a Model) -> Vec<NodeOutput<'a>> {
        let Some(asked) = &model.answers else { return Vec::new() };
        if self.job != Some(asked.job) {
            // None of them printed anything: what is here is of an earlier job.
            *self = Self::default();
        }
        for transcript in self.of.values_mut() {
            transcript.text.make_contiguous();
        }
        let of = &self.of;
        asked.answers.iter().map(|answer| NodeOutput::of(answer, of.get(answer.key()))).collect()
    }
}

/// What is kept of each of so many nodes, in bytes.
fn share(nodes: usize) -> usize {
    (ALL / nodes.max(1)).clamp(LEAST, NODE)
}

impl Transcript {
    /// Takes in a line, and lets go of the oldest ones for it before that: the text never outgrows the
    /// bound, and what is allocated for it not twice that.
    fn push(&mut self, line: &str, bound: usize) {
        while !self.text.is_empty() && self.text.len() + line.len() >= bound {
            let end = self.text.iter().position(|byte| *byte == b'\n');
            self.text.drain(..end.map_or(self.text.len(), |end| end + 1));
            self.dropped += 1;
        }
        self.text.extend(line.as_bytes());
        self.text.push_back(b'\n');
    }
}

impl<'a> NodeOutput<'a> {
    fn of(answer: &'a InstanceAnswer, printed: Option<&'a Transcript>) -> Self {
        // It is contiguous by now, and whole lines of text.
        let text = printed.map(|printed| printed.text.as_slices().0).unwrap_or_default();
        Self {
            key: answer.key(),
            label: &answer.label,
            went_well: answer.result.as_ref().is_some_and(|result| result.went_well),
            end: answer.end(),
            text: std::str::from_utf8(text).unwrap_or_default(),
            dropped: printed.map_or(0, |printed| printed.dropped),
        }
    }

    /// The same for programs.
    pub(super) fn event(&self) -> Event {
        Event::Answer {
            ok: self.went_well,
            text: clean(self.end, LONGEST),
            lines: self.text.lines().map(str::to_owned).collect(),
            dropped: self.dropped,
        }
    }
}

/// Those that answered alike stand together, the largest group first. Who dropped another number of
/// lines did not print the same.
fn groups<'a>(outputs: &[NodeOutput<'a>]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(&str, u64, &str), Group<'a>> = BTreeMap::new();
    for answer in outputs {
        let group = groups.entry((answer.end, answer.dropped, answer.text));
        let group = group.or_insert_with(|| Group { answer: *answer, labels: Vec::new() });
        group.labels.push(answer.label);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| Reverse(group.labels.len()));
    groups
}

/// Prints what nodes answered to one command.
pub fn print_outputs(out: impl Write, outputs: &[NodeOutput<'_>]) {
    // A reader that went away is no reason to fail.
    let _ = write_outputs(BufWriter::new(out), outputs);
}

fn write_outputs(mut out: impl Write, outputs: &[NodeOutput<'_>]) -> io::Result<()> {
    for Group { answer, labels } in groups(outputs) {
        writeln!(out, "[{}] {}", labels.join(", "), clean(answer.end, LONGEST))?;
        for line in answer.text.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    out.flush()
}

/// Of whom not everything is printed, and how much is not: a sentence a group.
pub fn dropped_lines(outputs: &[NodeOutput<'_>]) -> Vec<String> {
    let groups = groups(outputs).into_iter().filter(|group| group.answer.dropped > 0);
    groups
        .map(|Group { answer, labels }| {
            let labels = labels.join(", ");
            match answer.dropped {
                1 => format!("[{labels}] 1 earlier line was dropped"),
                many => format!("[{labels}] {many} earlier lines were dropped"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(key: &'a InstanceKey, end: &'a str, text: &'a str, dropped: u64) -> NodeOutput<'a> {
        let (label, went_well) = (key.as_str(), end == "exit status 0");
        NodeOutput { key, label, went_well, end, text, dropped }
    }

    fn printed(outputs: &[NodeOutput<'_>]) -> String {
        let mut out = Vec::new();
        print_outputs(&mut out, outputs);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn those_that_answer_alike_stand_together() {
        let keys: [InstanceKey; 3] = ["a", "b", "c"].map(Into::into);
        let [a, b, c] = &keys;
        let well = "exit status 0";
        let outputs =
            [node(a, "no\x1b[2J", "", 0), node(b, well, "1\n2\n", 0), node(c, well, "1\n2\n", 0)];
        assert_eq!(printed(&outputs), "[b, c] exit status 0\n  1\n  2\n[a] no\n");
        assert!(dropped_lines(&outputs).is_empty());
    }

    #[test]
    fn who_dropped_another_number_of_lines_did_not_answer_alike() {
        let keys: [InstanceKey; 3] = ["a", "b", "c"].map(Into::into);
        let dropped = [7, 7, 1];
        let outputs = [0, 1, 2].map(|at| node(&keys[at], "exit status 0", "end\n", dropped[at]));
        assert_eq!(printed(&outputs).matches("exit status 0").count(), 2);
        let said = ["[a, b] 7 earlier lines were dropped", "[c] 1 earlier line was dropped"];
        assert_eq!(dropped_lines(&outputs), said);
    }

    #[test]
    fn the_newest_lines_are_kept_up_to_the_bound_and_the_others_counted() {
        let mut transcript = Transcript::default();
        for number in 0..300_000 {
            transcript.push(&format!("line {number}"), NODE);
        }
        let kept = transcript.text.make_contiguous();
        let text = std::str::from_utf8(kept).unwrap().to_owned();
        assert!(text.len() <= NODE && text.len() > NODE - 100, "{}", text.len());
        assert_eq!(transcript.dropped + text.lines().count() as u64, 300_000);
        assert_eq!(text.lines().next().unwrap(), format!("line {}", transcript.dropped));
        assert!(text.ends_with("line 299999\n"));
        assert!(transcript.text.capacity() < 2 * NODE, "{}", transcript.text.capacity());
    }

    #[test]
    fn hundreds_of_nodes_share_what_is_kept() {
        assert_eq!([0, 1, 128].map(share), [NODE; 3]);
        assert!(share(1000) * 1000 <= ALL && share(1000) > LEAST);
        assert_eq!(share(1_000_000), LEAST);
        // Any line that is let in has room.
        const { assert!(LEAST > LONGEST + 1) };
    }
}
