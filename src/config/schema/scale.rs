//! How many instances there are by the work that there is.

/// Bounds of the wanted count, and what moves it between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// What says how many.
    pub by: ScaleBy,
    /// The fewest. Default 1.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// How many more than the work asks for. Default none.
    pub spare: u32,
}

/// What says how many instances there shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScaleBy {
    /// The jobs at the orchestrator that wait for a node.
    Queue,
    /// The work of the processors: so many percent are meant.
    Cpu(u32),
    /// A program of the user's, with its arguments, which prints the number.
    Command(Vec<String>),
}
