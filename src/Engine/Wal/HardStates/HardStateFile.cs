using System.Text;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Wal;

/// <summary>
/// The hard state of one replica in two slot files, <c>hard-state-a</c> and <c>hard-state-b</c>.
/// </summary>
/// <remarks>
/// Every write goes to one slot, durably, and then to the other. So a crash tears at most one of them, the newest valid one
/// wins, and, unlike with slots that take turns, damage to the newest slot at rest does not bring an older promise back: the
/// other one says the same. Writes are rare (a promise, a change of state), so the second sync costs nothing that counts.
/// After the first write both slots exist; then two invalid slots, or one that is missing, are corruption.
/// A failed write is final: nobody knows what is on the disk. Not thread-safe.
/// </remarks>
public sealed class HardStateFile
{
    /// <summary>Bound of <see cref="HardState.Extension"/>.</summary>
    public const int MaxExtensionBytes = HardStateSlot.Bytes - HardStateSlot.FixedBytes - HardStateSlot.MaxNameBytes - sizeof(uint);

    private readonly IWalFileSystem _fileSystem;
    private readonly string _directory;
    private readonly RangeId _range;
    private readonly Guid _incarnation;
    private HardState? _current;
    private ulong _sequence;
    private Exception? _brokenBy;

    private HardStateFile(IWalFileSystem fileSystem, string directory, RangeId range, Guid incarnation)
    {
        _fileSystem = fileSystem;
        _directory = directory;
        _range = range;
        _incarnation = incarnation;
    }

    /// <summary>Whether opening found one slot torn or behind, and wrote it again from the other.</summary>
    public bool Repaired { get; private set; }

    /// <summary>Reads both slots and mends one that a crash left behind, or that a failed write left in the system's cache only: both are durable when this returns.</summary>
    /// <exception cref="WalCorruptionException">Both slots exist and none is valid, or a slot belongs to another replica.</exception>
    /// <exception cref="WalIOException">A system call failed.</exception>
    public static HardStateFile Open(IWalFileSystem fs, string directory, RangeId range, Guid incarnation)
    {
        ArgumentNullException.ThrowIfNull(fs);
        var file = new HardStateFile(fs, directory, range, incarnation);
        file.Load();
        return file;
    }

    /// <summary>The newest state that can be read now, whoever has the files open; nothing is mended, and it need not be durable. Null where no slot of this replica is valid.</summary>
    /// <exception cref="WalIOException">A system call failed.</exception>
    public static HardState? Peek(IWalFileSystem fs, string directory, RangeId range, Guid incarnation)
    {
        ArgumentNullException.ThrowIfNull(fs);
        HardStateSlot? newest = null;
        foreach (var name in (ReadOnlySpan<string>)[WalFileNames.HardStateA, WalFileNames.HardStateB])
        {
            if (ReadSlot(fs, Path.Combine(directory, name), out _) is { } slot && slot.Range == range && slot.Incarnation == incarnation && !(slot.Sequence <= newest?.Sequence))
                newest = slot;
        }

        return newest?.State;
    }

    /// <summary>The last state whose write returned, or, after a crash during a write, that or the new one. Null before the first.</summary>
    public HardState? Read() => _current;

    /// <summary>Replaces the state. Durable when it returns.</summary>
    /// <exception cref="ArgumentException">The name or the extension is too long.</exception>
    /// <exception cref="DiskFullException">Only at the first write: there is no room for the slots.</exception>
    /// <exception cref="WalBrokenException">Writing failed, now or before; which of the two states a restart finds is unknown.</exception>
    public void Write(HardState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (Encoding.UTF8.GetByteCount(state.PromisedNode) > HardStateSlot.MaxNameBytes || state.Extension.Length > MaxExtensionBytes)
            throw new ArgumentException($"a hard state takes {HardStateSlot.MaxNameBytes} bytes of name and {MaxExtensionBytes} of extension", nameof(state));
        if (_brokenBy is not null) throw new WalBrokenException(_brokenBy.Message, _brokenBy);
        state = state with { Extension = state.Extension.ToArray() };
        try
        {
            // One after the other, each durable: at any moment one of them is whole.
            WriteSlot(WalFileNames.HardStateA, state, _sequence + 1);
            WriteSlot(WalFileNames.HardStateB, state, _sequence + 1);
        }
        catch (DiskFullException) when (_current is null)
        {
            throw; // a torn first slot without the second one counts as none
        }
        catch (Exception exception)
        {
            _brokenBy = exception;
            throw new WalBrokenException($"writing a hard state failed: {exception.Message}", exception);
        }

        _current = state;
        _sequence++;
    }

    /// <summary>One slot's content for the tools: null and a problem when it is invalid, null and no problem when it is missing.</summary>
    internal static HardStateSlot? ReadSlot(IWalFileSystem fileSystem, string path, out string problem)
    {
        problem = "";
        return fileSystem.FileExists(path) ? HardStateSlot.TryDecode(ReadBytes(fileSystem, path), out problem) : null;
    }

    /// <summary>A slot's bytes; none when it has another length.</summary>
    private static byte[] ReadBytes(IWalFileSystem fileSystem, string path)
    {
        using var file = fileSystem.OpenRead(path);
        var bytes = new byte[HardStateSlot.Bytes];
        return file.Length == bytes.Length && file.Read(0, bytes) == bytes.Length ? bytes : [];
    }

    private void Load()
    {
        var (pathA, pathB) = (Path.Combine(_directory, WalFileNames.HardStateA), Path.Combine(_directory, WalFileNames.HardStateB));
        var (existsA, existsB) = (_fileSystem.FileExists(pathA), _fileSystem.FileExists(pathB));
        if (!existsA && !existsB) return;
        if (!existsA) throw new WalCorruptionException(pathA, 0, "the hard state is missing"); // it is written before the other one exists
        SyncWhatIsRead(pathA, pathB);
        var a = ReadOwn(pathA, out var problemA);
        var b = ReadOwn(pathB, out var problemB);
        if (a is null && b is null)
        {
            if (existsB) throw new WalCorruptionException(pathA, 0, $"both hard states are invalid: {problemA}; {problemB}");
            return; // the first write ever did not finish its first slot
        }

        var newest = b is null || a?.Sequence >= b.Value.Sequence ? a!.Value : b.Value;
        if (!existsB && newest.Sequence > 1) throw new WalCorruptionException(pathB, 0, "the hard state is missing");
        (_current, _sequence) = (newest.State, newest.Sequence);

        // Of what is read here the process before may have seen the sync fail, and then it never reaches the disk by itself. That slot a is durable is certain where b, which is begun afterwards, says the same.
        Repaired = a?.Sequence != b?.Sequence;
        if (existsB && b is null) WriteSlot(WalFileNames.HardStateB, newest.State, newest.Sequence); // first: slot a is the only valid one, and a crash may tear what is written
        if (Repaired) WriteSlot(WalFileNames.HardStateA, newest.State, newest.Sequence);
        if (!existsB || b is not null) WriteSlot(WalFileNames.HardStateB, newest.State, newest.Sequence);
    }

    /// <summary>A killed process may have left what is read here in the system's cache only.</summary>
    private void SyncWhatIsRead(params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            if (!_fileSystem.FileExists(path)) continue;
            using var file = _fileSystem.Open(path);
            file.Sync();
        }

        _fileSystem.SyncDirectory(_directory);
    }

    private HardStateSlot? ReadOwn(string path, out string problem)
    {
        var slot = ReadSlot(_fileSystem, path, out problem);
        if (slot is null && _fileSystem.FileExists(path) && HardStateSlot.NewerVersionOf(ReadBytes(_fileSystem, path)) is { } newer) throw new UnknownFormatException(path, newer);
        return slot is { } found && (found.Range != _range || found.Incarnation != _incarnation)
            ? throw new WalCorruptionException(path, 0, $"the hard state belongs to range {found.Range}, incarnation {found.Incarnation}")
            : slot;
    }

    private void WriteSlot(string name, HardState state, ulong sequence)
    {
        var bytes = new byte[HardStateSlot.Bytes];
        new HardStateSlot(_range, _incarnation, sequence, state).Encode(bytes);
        var path = Path.Combine(_directory, name);
        using (var file = _fileSystem.FileExists(path) ? _fileSystem.Open(path) : _fileSystem.Create(path))
        {
            file.SetLength(bytes.Length);
            file.Write(0, bytes);
            file.Sync();
        }

        _fileSystem.SyncDirectory(_directory);
    }
}
