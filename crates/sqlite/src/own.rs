use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::{Error, Migration, Place, Trouble, Tuning, migrate, open_writer, rescue};

/// A database as its one writer holds it: a connection, and the knowledge where its files stood when
/// it was opened.
pub struct OwnFile {
    conn: Connection,
    place: Place,
    tuning: Tuning,
    /// Where all that was committed is kept while somebody else's file stands in its place.
    kept: Option<PathBuf>,
    /// All that was committed stands in its place again, and is not opened yet.
    is_put_back: bool,
}

impl OwnFile {
    /// Opens the file, makes it where missing, and brings its schema up to date.
    ///
    /// # Errors
    /// What SQLite reports, with the path.
    pub fn open(path: &Path, tuning: Tuning, migrations: &[Migration<'_>]) -> Result<Self, Error> {
        rescue::finish(path)?;
        let mut conn = open_writer(path, &tuning)?;
        migrate(&mut conn, migrations).map_err(|error| error.in_file(path))?;
        Ok(Self { conn, place: Place::of(path), tuning, kept: None, is_put_back: false })
    }

    pub fn conn(&self) -> &Connection {
        &self.conn
    }

    pub fn conn_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }

    /// The connection, and where what it commits must be found again.
    pub fn parts_mut(&mut self) -> (&mut Connection, &Place) {
        (&mut self.conn, &self.place)
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Makes sure that what is committed lies in the files that carry the names. Where one of them was
    /// deleted, all that was ever committed is written to a new file, and the connection goes on
    /// there; where one was replaced, what is committed is kept beside it.
    ///
    /// # Errors
    /// It does not, and nothing that was committed since may be promised to anybody.
    pub fn stay_in_place(&mut self) -> Result<(), Error> {
        if self.is_put_back {
            return self.go_on();
        }
        let Err(error) = self.place.check() else {
            return if self.kept.is_some() { self.put_kept_back() } else { Ok(()) };
        };
        match error.trouble() {
            Trouble::Missing if self.kept.is_some() => self.put_kept_back(),
            Trouble::Missing => self.put_back(&error),
            Trouble::Replaced if self.kept.is_none() => {
                self.kept = Some(rescue::keep_beside(&self.conn, self.place.path())?);
                Err(error)
            }
            _ => Err(error),
        }
    }

    fn put_back(&mut self, error: &Error) -> Result<(), Error> {
        tracing::error!(%error, "all that was committed is written to a new file");
        rescue::put_back(&self.conn, self.place.path())?;
        self.go_on()
    }

    /// The other file is gone, and perhaps the old one is back; what was kept is what is certain.
    fn put_kept_back(&mut self) -> Result<(), Error> {
        if let Some(kept) = &self.kept {
            rescue::put_kept_back(kept, self.place.path())?;
        }
        self.kept = None;
        self.go_on()
    }

    /// The file stands in its place; from now on it is the one to write to.
    fn go_on(&mut self) -> Result<(), Error> {
        self.is_put_back = true;
        let path = self.place.path().to_owned();
        self.conn = open_writer(&path, &self.tuning)?;
        // Makes WAL and shared memory, so that they can be looked for.
        self.conn.pragma_query_value(None, "user_version", |_| Ok(()))?;
        self.place = Place::of(&path);
        self.is_put_back = false;
        tracing::warn!(file = %path.display(), "nothing was lost: the file is there again");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MIGRATIONS: [&str; 1] = ["CREATE TABLE t(a)"];

    fn open(path: &Path) -> OwnFile {
        OwnFile::open(path, Tuning::default(), &MIGRATIONS).expect("opens")
    }

    fn add(file: &OwnFile, n: i64) {
        file.conn().execute("INSERT INTO t VALUES (?1)", [n]).expect("inserts");
    }

    fn rows(conn: &Connection) -> i64 {
        conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("counts")
    }

    /// Deletes some of the files under the open connection.
    fn check_put_back(endings: &[&str]) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let mut file = open(&path);
        add(&file, 1);
        // Another connection of this process holds the old files open, as readers do.
        let reader = crate::open_reader(&path, 1024).expect("opens");
        assert_eq!(rows(&reader), 1);
        endings.iter().for_each(|ending| fs::remove_file(with(&path, ending)).expect("removed"));
        add(&file, 2);
        let error = file.place.check().expect_err("gone");
        assert_eq!(error.trouble(), Trouble::Missing, "{endings:?}: {error}");
        file.stay_in_place().expect("is put back");
        add(&file, 3);
        file.stay_in_place().expect("stands there");
        drop(reader);
        assert_eq!(rows(file.conn()), 3, "{endings:?}");
        // As after a kill: what another process would find.
        let copy = dir.path().join("copy.db");
        for ending in ["", "-wal"] {
            fs::copy(with(&path, ending), with(&copy, ending)).expect("copied");
        }
        assert_eq!(rows(open(&copy).conn()), 3, "{endings:?}");
    }

    fn with(path: &Path, ending: &str) -> std::path::PathBuf {
        crate::place::with_ending(path, ending)
    }

    #[test]
    fn what_was_committed_outlives_the_deletion_of_its_files() {
        check_put_back(&[""]);
        check_put_back(&["-wal"]);
        check_put_back(&["-shm"]);
        check_put_back(&["", "-wal", "-shm"]);
    }

    #[test]
    fn a_file_of_somebody_else_in_its_place_is_left_alone_and_what_was_committed_is_kept_beside() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let mut file = open(&path);
        add(&file, 1);
        fs::rename(&path, dir.path().join("moved.db")).expect("moved");
        fs::write(&path, "somebody else's").expect("written");
        for _ in 0..2 {
            let error = file.stay_in_place().expect_err("replaced");
            assert_eq!(error.trouble(), Trouble::Replaced);
            assert!(error.to_string().contains("a.db was replaced"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), "somebody else's");
        assert_eq!(rows(&Connection::open(dir.path().join("a.db.displaced")).expect("opens")), 1);
        // Whoever opens it takes what lies beside it for its own.
        fs::remove_file(&path).expect("removed");
        fs::copy(dir.path().join("moved.db"), &path).expect("copied");
        drop(open(&path));
        fs::rename(dir.path().join("moved.db"), &path).expect("moved back");
        file.stay_in_place().expect("is back where it was");
        assert_eq!(rows(file.conn()), 1);
        assert!(!dir.path().join("a.db.displaced").exists());
    }

    #[test]
    fn a_wal_that_somebody_made_anew_is_no_obstacle_until_something_is_in_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let mut file = open(&path);
        add(&file, 1);
        fs::remove_file(with(&path, "-wal")).expect("removed");
        fs::write(with(&path, "-wal"), "something").expect("written");
        assert_eq!(file.stay_in_place().expect_err("replaced").trouble(), Trouble::Replaced);
        fs::write(with(&path, "-wal"), "").expect("written");
        file.stay_in_place().expect("is put back");
        assert_eq!(rows(file.conn()), 1);
    }

    #[test]
    fn a_folder_that_is_gone_is_waited_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("data");
        fs::create_dir(&folder).expect("made");
        let mut file = open(&folder.join("a.db"));
        add(&file, 1);
        fs::remove_dir_all(&folder).expect("removed");
        let error = file.stay_in_place().expect_err("no folder");
        assert_eq!(error.trouble(), Trouble::Missing);
        assert!(error.to_string().contains("Don't stop the server"), "{error}");
        fs::create_dir(&folder).expect("made again");
        file.stay_in_place().expect("is put back");
        assert_eq!(rows(open(&folder.join("a.db")).conn()), 1);
    }

    #[test]
    fn a_rescue_that_a_crash_interrupted_is_completed_at_the_next_start() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let file = open(&path);
        add(&file, 1);
        rescue::put_back(file.conn(), &dir.path().join("b.db")).expect("copied");
        drop(file);
        fs::rename(dir.path().join("b.db"), dir.path().join("a.db.rescued")).expect("moved");
        let stale = open(&path);
        assert_eq!(rows(stale.conn()), 1);
        assert!(!dir.path().join("a.db.rescued").exists());
    }
}
