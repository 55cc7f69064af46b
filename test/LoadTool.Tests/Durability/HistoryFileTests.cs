using GrainDb.LoadTool.Durability;

namespace GrainDb.LoadTool.Tests.Durability;

public sealed class HistoryFileTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"graindb-history-{Guid.NewGuid():n}.jsonl");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Lines_are_in_the_file_at_once_and_a_cut_last_line_is_left_out()
    {
        HistoryEvent[] events =
        [
            new() { Type = HistoryEvent.Header, Keyspace = "default", ValueBytes = 256 },
            new() { Type = HistoryEvent.Attempt, Key = "record/a", Sequence = 1 },
            new() { Type = HistoryEvent.Acknowledged, Key = "record/a", Sequence = 1, Version = "0000000000000001" },
        ];
        using var file = new HistoryFile(_path);
        file.Append(events[0]);
        file.Append(events[1], events[2]);
        Assert.Equal(events, HistoryFile.Read(_path));

        var text = File.ReadAllText(_path);
        File.WriteAllText(_path + ".cut", text[..^5]);
        Assert.Equal(events[..2], HistoryFile.Read(_path + ".cut"));
        File.Delete(_path + ".cut");
    }
}
