use weir_sqlite::{Migration, Tuning};

pub(crate) const MIGRATIONS: &[Migration] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// Small and seldom written: little memory, little WAL.
pub(crate) const TUNING: Tuning = Tuning {
    page_bytes: 4 * 1024,
    cache_kib: 512,
    checkpoint_pages: 200,
    wal_bytes_max: 1024 * 1024,
    incremental_vacuum: false,
};

pub(crate) const READER_CACHE_KIB: u32 = 256;
/// A login check reads one row: few connections serve many requests.
pub(crate) const READERS_MAX: usize = 4;
pub(crate) const READERS_IDLE: usize = 2;
