using System.Buffers;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <content>Records as they are sent to other replicas.</content>
public sealed partial class WriteAheadLog
{
    /// <summary>
    /// Copies whole records exactly as they are encoded in the log (what <see cref="WalBatch.AddEncoded"/> takes): dense from <paramref name="from"/>, up to the one that was the
    /// last durable one when the call began. May run beside appends.
    /// </summary>
    /// <param name="from">The first record wanted.</param>
    /// <param name="maxBytes">Bound of what is copied; one record comes in any case.</param>
    /// <param name="destination">Takes the records. After an exception what it got means nothing.</param>
    /// <param name="last">The last record copied; the one before <paramref name="from"/> when there is none.</param>
    /// <returns>Bytes copied; 0 only above the last durable record.</returns>
    /// <exception cref="LogTruncatedException"><paramref name="from"/> is below <see cref="FirstLsn"/>, now or by a prefix truncation meanwhile.</exception>
    /// <exception cref="LogReplacedException">The suffix was truncated, or a snapshot installed, meanwhile.</exception>
    /// <exception cref="WalCorruptionException">The file was damaged after it had been opened.</exception>
    public int ReadEncoded(Lsn from, int maxBytes, IBufferWriter<byte> destination, out Lsn last)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        if (from < FirstLsn) throw new LogTruncatedException(FirstLsn);
        last = new(from.Value - 1);
        var (spans, replacements) = Snapshot(from);
        var total = 0;
        try
        {
            foreach (var span in spans)
            {
                using var file = OpenForReplay(span.Path, replacements);
                using var reader = new EncodedReader(file, span);
                var complete = reader.Copy(from, maxBytes - total, atLeastOne: total == 0, destination, ref last, out var bytes);
                total += bytes;
                if (!complete || total >= maxBytes) break;
            }
        }
        catch (WalCorruptionException)
        {
            ThrowIfReplaced(replacements);
            throw;
        }

        ThrowIfReplaced(replacements);
        return total;
    }
}
