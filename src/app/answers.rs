//! What a command of the user's printed on several instances, to be seen side by side.

use std::collections::HashMap;

use super::Motion;
use super::log::Ring;
use crate::fleet::{Change, CommandResult, Diagnosis, Instance, InstanceKey, JobId, Level, Report};

/// A command and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The job that runs it.
    pub job: JobId,
    /// The command, as it was typed, or what else was asked for.
    pub command: String,
    /// One for each instance, in the order of the table.
    pub answers: Vec<InstanceAnswer>,
    /// The first one that is shown; of a single one, how many of its lines are below the window.
    pub top: usize,
}

/// What one instance answered.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceAnswer {
    key: InstanceKey,
    /// Its name.
    pub label: String,
    /// What was printed there.
    pub lines: Ring,
    /// What was found there, where somebody looked closely.
    pub diagnosis: Option<Diagnosis>,
    /// How it ended; `None` while it runs.
    pub result: Option<CommandResult>,
}

impl InstanceAnswer {
    /// Its row.
    pub fn key(&self) -> &InstanceKey {
        &self.key
    }

    /// `exit status 1`, or why it could not be run.
    pub fn end(&self) -> &str {
        self.result.as_ref().map_or("it did not end", |result| &result.end)
    }
}

impl Answers {
    /// No answers yet.
    pub(super) fn new(job: JobId, command: String, instances: &[Instance]) -> Self {
        let answer = |instance: &Instance| InstanceAnswer {
            key: instance.key.clone(),
            label: instance.label(),
            lines: Ring::of_one(),
            diagnosis: None,
            result: None,
        };
        Self { job, command, answers: instances.iter().map(answer).collect(), top: 0 }
    }

    /// Takes in what its job reports of an instance.
    pub(super) fn apply(&mut self, report: &Report, change: &Change) {
        let (Change::Output(key, _) | Change::Diagnosed(key, _) | Change::CommandResult(key, _)) =
            change
        else {
            return;
        };
        let answer = self.answers.iter_mut().find(|answer| answer.key == *key);
        let Some(answer) = answer.filter(|_| report.job == self.job) else { return };
        match change {
            Change::Output(_, line) => answer.lines.print(report.at, Level::Info, line),
            Change::CommandResult(_, result) => answer.result = Some(result.clone()),
            Change::Diagnosed(_, diagnosis) => answer.diagnosis = Some((**diagnosis).clone()),
            _ => {}
        }
    }

    /// Nothing more comes.
    pub(super) fn stop(&mut self, job: JobId) {
        if job == self.job {
            for answer in self.answers.iter_mut().filter(|answer| answer.result.is_none()) {
                answer.result = Some(CommandResult { went_well: false, end: "stopped".into() });
            }
        }
    }

    /// Shows others of them, or other lines of a single one. `page`: the lines in a window.
    pub(super) fn step(&mut self, motion: Motion, page: usize) {
        self.top = match self.answers.as_slice() {
            [one] => {
                let last = one.lines.lines().len().saturating_sub(page);
                last - motion.from(last.saturating_sub(self.top), last + 1, page)
            }
            _ => motion.from(self.top, self.groups().len(), 1),
        };
    }

    /// Those that answered the same stand together: what went wrong first, then what still runs,
    /// then the largest groups. Who let go of another number of lines did not answer the same.
    pub fn groups(&self) -> Vec<Vec<&InstanceAnswer>> {
        let mut groups: Vec<Vec<&InstanceAnswer>> = Vec::new();
        let mut known: HashMap<(bool, &str, u64, Vec<&str>), usize> = HashMap::new();
        for answer in &self.answers {
            let Some(result) = &answer.result else {
                groups.push(vec![answer]);
                continue;
            };
            let lines = answer.lines.lines().map(|line| line.text.as_str()).collect();
            let same = (result.went_well, result.end.as_str(), answer.lines.dropped(), lines);
            let at = *known.entry(same).or_insert(groups.len());
            match groups.get_mut(at) {
                Some(group) => group.push(answer),
                None => groups.push(vec![answer]),
            }
        }
        groups.sort_by_key(|group| {
            let went_well = group[0].result.as_ref().map(|result| result.went_well);
            let rank = match went_well {
                Some(false) => 0,
                None => 1,
                Some(true) => 2,
            };
            (rank, std::cmp::Reverse(group.len()))
        });
        groups
    }

    /// How many are not over yet.
    pub fn running(&self) -> usize {
        self.answers.iter().filter(|answer| answer.result.is_none()).count()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fleet::{InstanceNews, News};

    fn report(answers: &mut Answers, change: &Change) {
        let key = InstanceKey::from("unread");
        let news = News::Instance(key, InstanceNews::Output(String::new()));
        let report = Report { job: answers.job, at: Timestamp::UNIX_EPOCH, news };
        answers.apply(&report, change);
    }

    #[test]
    fn who_let_go_of_another_number_of_lines_did_not_answer_the_same() {
        let now = Timestamp::UNIX_EPOCH;
        let nodes = ["a", "b", "c"]
            .map(|key| Instance::planned(key.into(), "us-west-2".into(), "spot-1".into(), now));
        let mut answers = Answers::new(JobId(1), "seq".into(), &nodes);
        for (node, count) in nodes.iter().zip([300, 300, 900]) {
            // All end with the same lines.
            for number in (0..count).rev() {
                report(&mut answers, &Change::Output(node.key.clone(), number.to_string()));
            }
            let result = CommandResult { went_well: true, end: "exit status 0".into() };
            report(&mut answers, &Change::CommandResult(node.key.clone(), result));
        }
        let sizes: Vec<usize> = answers.groups().iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1]);
    }
}
