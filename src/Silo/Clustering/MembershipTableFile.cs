using System.Buffers;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace GrainDb.Silo.Clustering;

/// <summary>
/// The table as one file: <c>{"checksum":"crc32 of the bytes of table","table":{…}}</c>. Readers need no lock: a write goes to a temporary
/// name, is flushed, and replaces the file in one rename, so a reader sees the old table or the new one. A file that is neither is
/// reported, never taken for an empty table: an empty table would let a second cluster form beside the first.
/// </summary>
/// <remarks>
/// .NET does not report a failing flush. Here that costs nothing: the table is about processes that run, and after a crash of the
/// machine none does.
/// </remarks>
public sealed class MembershipTableFile(string path)
{
    /// <summary>A table of 10 000 rows stays below.</summary>
    private const int MaxBytes = 16 * 1024 * 1024;

    public string Path { get; } = path;

    public bool Exists => File.Exists(Path);

    /// <exception cref="MembershipTableDamagedException">Not there, torn or changed.</exception>
    public MembershipTableContent Read()
    {
        byte[] bytes;
        try
        {
            using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var length = RandomAccess.GetLength(handle);
            if (length is 0 or > MaxBytes)
                throw Damaged($"is {length} bytes long");
            bytes = new byte[length];
            for (var read = 0; read < bytes.Length;)
            {
                var count = RandomAccess.Read(handle, bytes.AsSpan(read), read);
                if (count == 0)
                    throw Damaged("ended early");
                read += count;
            }
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Damaged("is gone", exception);
        }

        return Parse(bytes);
    }

    /// <summary>Replaces the table. The caller holds the table's lock.</summary>
    public void Write(MembershipTableContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var table = JsonSerializer.SerializeToUtf8Bytes(content, MembershipJson.Default.MembershipTableContent);
        var buffer = new ArrayBufferWriter<byte>(table.Length + 64);
        buffer.Write(Encoding.ASCII.GetBytes($"{{\"checksum\":\"{Crc32.HashToUInt32(table):x8}\",\"table\":"));
        buffer.Write(table);
        buffer.Write("}\n"u8);

        var temporary = Path + ".new"; // one writer at a time: the lock
        using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.Read, FileOptions.None, buffer.WrittenCount))
        {
            RandomAccess.Write(handle, buffer.WrittenSpan, 0);
            RandomAccess.FlushToDisk(handle);
        }

        File.Move(temporary, Path, overwrite: true);
    }

    private MembershipTableContent Parse(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var table = document.RootElement.GetProperty("table"u8);
            var stated = document.RootElement.GetProperty("checksum"u8).GetString();
            var actual = $"{Crc32.HashToUInt32(JsonMarshal.GetRawUtf8Value(table)):x8}";
            if (stated != actual)
                throw Damaged($"has checksum {actual} where {stated} is stated");
            var content = table.Deserialize(MembershipJson.Default.MembershipTableContent) ?? throw Damaged("holds no table");
            if (content.Format != MembershipTableContent.CurrentFormat)
                throw Damaged($"has format {content.Format}, this version reads {MembershipTableContent.CurrentFormat}");
            return content;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw Damaged("is not a membership table", exception);
        }
    }

    private MembershipTableDamagedException Damaged(string how, Exception? cause = null) =>
        new($"membership table {Path} {how}; stop all nodes that use it, delete it, and start them again", cause);
}
