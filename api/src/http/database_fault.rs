//! What is wrong with the database when it refuses, read off SQLSTATE in one place. Knows no HTTP and no feature.

/// Why the database did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// It cannot be reached, restarts, or all of its connections are taken.
    Away,
    /// No disk, memory or connection is left there: only its operator can help.
    Full,
    /// It only answers reads: a failover is under way.
    ReadOnly,
    /// Two transactions crossed; the same once more succeeds.
    Contended,
    /// A lock or a statement took too long.
    Stuck,
    /// Our statement or our data is wrong.
    Ours,
}

impl DatabaseFault {
    pub fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refused) => refused.code().map_or(Self::Ours, |code| Self::of_code(&code)),
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Away,
            // A connection that broke in the middle of a message.
            sqlx::Error::Protocol(_) => Self::Away,
            sqlx::Error::Configuration(_)
            | sqlx::Error::InvalidArgument(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::AnyDriverError(_)
            | sqlx::Error::Migrate(_)
            | sqlx::Error::InvalidSavePointStatement => Self::Ours,
            // The driver's list may grow.
            _ => Self::Ours,
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "25006" => Self::ReadOnly,
            "40001" | "40P01" => Self::Contended,
            // Our own statement_timeout and lock_timeout, and a transaction that sat idle for too long.
            "55P03" | "57014" | "25P03" | "25P04" => Self::Stuck,
            // Insufficient resources, system errors.
            code if code.starts_with("53") || code.starts_with("58") => Self::Full,
            // Connection exceptions, shutdown, crash, starting up, dropped.
            code if code.starts_with("08") || code.starts_with("57P") => Self::Away,
            _ => Self::Ours,
        }
    }

    /// After how many seconds it may serve again; none where asking again does not help.
    pub fn retry_after_seconds(self) -> Option<u64> {
        match self {
            Self::Contended => Some(1),
            Self::Away | Self::Stuck => Some(2),
            Self::ReadOnly => Some(5),
            Self::Full => Some(30),
            Self::Ours => None,
        }
    }

    /// For logs and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Contended => "contended",
            Self::Stuck => "stuck",
            Self::Ours => "ours",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_a_database_fails_for_a_while_says_when_to_come_back() {
        for code in ["53100", "53200", "53300", "58030", "25006", "40001", "40P01", "55P03", "57014", "57P01", "08006"]
        {
            assert!(DatabaseFault::of_code(code).retry_after_seconds().is_some(), "{code}");
        }
        for code in ["23505", "42P01", "22001", "42501", "P0001"] {
            assert_eq!(DatabaseFault::of_code(code), DatabaseFault::Ours, "{code}");
        }
        assert_eq!(DatabaseFault::of(&sqlx::Error::PoolTimedOut), DatabaseFault::Away);
        assert_eq!(DatabaseFault::of(&sqlx::Error::RowNotFound), DatabaseFault::Ours);
    }
}
