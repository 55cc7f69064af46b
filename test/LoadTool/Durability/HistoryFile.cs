using System.Buffers;
using System.Text.Json;

namespace GrainDb.LoadTool.Durability;

/// <summary>
/// The record of what clients were told: JSON lines, handed to the operating system before the client goes on, so that it
/// survives the end of this process. It is not fsynced: the machine is not what is tested here.
/// </summary>
internal sealed class HistoryFile : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>Creates the file; it must not exist.</summary>
    public HistoryFile(string path) => _file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);

    /// <summary>Appends lines in one write.</summary>
    public void Append(params ReadOnlySpan<HistoryEvent> events)
    {
        lock (_lock)
        {
            _buffer.ResetWrittenCount();
            foreach (var line in events)
            {
                using (var writer = new Utf8JsonWriter(_buffer))
                    JsonSerializer.Serialize(writer, line, HistoryJson.Default.HistoryEvent);
                _buffer.Write("\n"u8);
            }

            _file.Write(_buffer.WrittenSpan);
        }
    }

    /// <summary>Reads a file. A last line without its end, cut off by the death of the writer, is left out.</summary>
    public static IEnumerable<HistoryEvent> Read(string path)
    {
        var text = File.ReadAllText(path);
        var complete = text.LastIndexOf('\n') + 1;
        using var lines = new StringReader(text[..complete]);
        while (lines.ReadLine() is { } line)
            yield return JsonSerializer.Deserialize(line, HistoryJson.Default.HistoryEvent) ?? throw new InvalidDataException("empty history line");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
