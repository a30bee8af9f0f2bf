from harness.training.log import FIELDS, CsvLog, read_log


def rows_for(*steps):
    return [{"step": step, "loss": step / 8, "val_psnr_2x": None} for step in steps]


def write(path, steps):
    log = CsvLog(path, 0)
    for row in rows_for(*steps):
        log.append(row)


def test_rows_come_back(tmp_path):
    path = tmp_path / "log.csv"
    write(path, (10, 20))
    rows = read_log(path)
    assert [row["step"] for row in rows] == ["10", "20"]
    assert rows[1]["loss"] == "2.5"
    assert rows[0]["val_psnr_2x"] == ""
    assert tuple(rows[0]) == FIELDS


def test_resuming_drops_rows_after_the_checkpoint(tmp_path):
    path = tmp_path / "log.csv"
    write(path, (10, 20, 30))
    CsvLog(path, 20).append(rows_for(25)[0])
    assert [row["step"] for row in read_log(path)] == ["10", "20", "25"]


def test_an_unfinished_last_row_is_dropped(tmp_path):
    path = tmp_path / "log.csv"
    write(path, (10, 20))
    with path.open("a") as file:
        file.write("30,0.5,0.0")
    CsvLog(path, 30)
    assert [row["step"] for row in read_log(path)] == ["10", "20"]


def test_starting_afresh_empties_the_log(tmp_path):
    path = tmp_path / "log.csv"
    write(path, (10,))
    CsvLog(path, 0)
    assert read_log(path) == []
    assert read_log(tmp_path / "none.csv") == []
