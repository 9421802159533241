//! What the exit codes of `deploy_services.sh` mean.
//!
//! The table is `instance/config/exit-codes`, compiled in, so that the script's documentation and
//! the program's messages cannot disagree.

const TABLE: &str = include_str!("../../../instance/config/exit-codes");

/// The step that ended with this code and what the user can do about it, or `None` for a code that
/// the script does not use.
pub fn explain(code: u32) -> Option<(&'static str, &'static str)> {
    all().find(|(known, ..)| *known == code).map(|(_, step, hint)| (step, hint))
}

/// Every code with its step and hint, in the order of the file.
pub fn all() -> impl Iterator<Item = (u32, &'static str, &'static str)> {
    TABLE.lines().filter_map(|line| {
        let mut fields = line.splitn(3, '\t');
        Some((fields.next()?.parse().ok()?, fields.next()?, fields.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(all().count(), TABLE.lines().count());
        assert!(all().all(|(_, step, hint)| !step.is_empty() && hint.ends_with('.')));
    }

    #[test]
    fn a_code_explains_itself() {
        let (step, hint) = explain(71).expect("71 is known");
        assert_eq!(step, "cloud-init-timeout");
        assert!(hint.contains("create it again"));
        assert_eq!(explain(1), None);
    }
}
