"""What a PostgreSQL must be set to, and what is said where it is not."""

from hub.doctor import MIN_WAL_MIB, Mark, postgresql_finding


def test_a_server_that_does_not_wait_for_its_disk_is_bad():
    found = postgresql_finding("18.1", "off", MIN_WAL_MIB, 100, 2)

    assert found.mark is Mark.BAD
    assert "fsync = on" in found.cure


def test_a_server_that_keeps_few_log_files_is_warned_of():
    found = postgresql_finding("18.1", "on", MIN_WAL_MIB - 1, 100, 2)

    assert found.mark is Mark.WARNING
    assert "min_wal_size" in found.cure
    assert "1023 MiB" in found.seen


def test_a_server_that_is_set_well_is_good():
    assert postgresql_finding("18.1", "on", MIN_WAL_MIB, 100, 2) == postgresql_finding("18.1", "on", 2 * MIN_WAL_MIB, 100, 2)
    assert postgresql_finding("18.1", "on", MIN_WAL_MIB, 100, 2).mark is Mark.GOOD


def test_a_server_with_too_few_connections_for_the_processes_is_warned_of():
    found = postgresql_finding("18.1", "on", MIN_WAL_MIB, 100, 3)

    assert found.mark is Mark.WARNING
    assert "max_connections = 148" in found.cure
