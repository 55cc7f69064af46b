using System.Text;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// A configuration in records and checkpoints (little endian):
/// <code>
/// u8 version (1) | u8 voters | u8 outgoing | voters, then outgoing, each: u8 bytes of the name, name (UTF-8), 16 bytes id (big-endian GUID)
/// </code>
/// </summary>
public static class ConfigurationCodec
{
    private const byte Version = 1;
    private const int GuidBytes = 16;

    /// <summary>The encoded configuration.</summary>
    public static byte[] Encode(RangeConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        using var bytes = new MemoryStream();
        bytes.WriteByte(Version);
        bytes.WriteByte(checked((byte)configuration.Voters.Length));
        bytes.WriteByte(checked((byte)configuration.Outgoing.Length));
        foreach (var replica in configuration.Voters.Concat(configuration.Outgoing))
        {
            var name = Encoding.UTF8.GetBytes(replica.Node);
            bytes.WriteByte(checked((byte)name.Length));
            bytes.Write(name);
            bytes.Write(replica.Id.ToByteArray(bigEndian: true));
        }

        return bytes.ToArray();
    }

    /// <summary>Reads what <see cref="Encode"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static RangeConfiguration Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (bytes[0] != Version)
                throw new InvalidDataException($"configuration version {bytes[0]} is not known");
            var (voters, outgoing) = (new ReplicaDescriptor[bytes[1]], new ReplicaDescriptor[bytes[2]]);
            var rest = bytes[3..];
            foreach (var set in (ReplicaDescriptor[][])[voters, outgoing])
            {
                for (var i = 0; i < set.Length; i++)
                {
                    var name = Encoding.UTF8.GetString(rest.Slice(1, rest[0]));
                    rest = rest[(1 + rest[0])..];
                    set[i] = new ReplicaDescriptor(name, new Guid(rest[..GuidBytes], bigEndian: true));
                    rest = rest[GuidBytes..];
                }
            }

            return new RangeConfiguration(voters, outgoing);
        }
        catch (Exception exception) when (exception is IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            throw new InvalidDataException("a configuration is cut short", exception);
        }
    }
}
