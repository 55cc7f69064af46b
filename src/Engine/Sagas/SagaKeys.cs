using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// Keys of <c>system.sagas</c>. Everything of one saga begins with its bucket, a hash of its id, so that sagas spread over the ranges and each lies in one: its rows and its place in the index
/// change together, in one write of one range. Keys are text, for operators; ids and names have no <c>/</c>.
/// <code>
/// {bucket}/log/{id}/{sequence}    a row, 6 digits from 000000
/// {bucket}/live/{id}              how far it is (<see cref="SagaIndexRow"/>), while it has not ended
/// {bucket}/ended/{id}             the same, afterwards
/// {bucket}/over/{second}/{id}     when it ended, 12 digits of Unix time, and on which definition it was (<see cref="SagaOver"/>): so those that ended first are found first
/// definition/{name}/{version}     a definition, version with 10 digits
/// </code>
/// </summary>
public static class SagaKeys
{
    /// <summary>Number of buckets, <c>0</c> to <c>f</c>. In the keys for good.</summary>
    public const int Buckets = 16;

    private const string DefinitionRoot = "definition/";
    private const string Live = "live";
    private const string Ended = "ended";

    /// <summary>Where <c>system.sagas</c> is cut: always between two buckets.</summary>
    public static IReadOnlyList<byte[]> SplitKeys { get; } = [[(byte)'4'], [(byte)'8'], [(byte)'c']];

    /// <summary>A saga's bucket.</summary>
    public static char BucketOf(string id) => BucketName((int)(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(id)) % Buckets));

    /// <summary>A bucket's name.</summary>
    /// <param name="index">0 to <see cref="Buckets"/> - 1.</param>
    public static char BucketName(int index) => "0123456789abcdef"[index];

    /// <summary>Key of a row.</summary>
    public static byte[] Row(string id, int sequence) => Bytes(string.Create(CultureInfo.InvariantCulture, $"{BucketOf(id)}/log/{id}/{sequence:D6}"));

    /// <summary>What the keys of all rows of a saga begin with.</summary>
    public static byte[] Log(string id) => Bytes($"{BucketOf(id)}/log/{id}/");

    /// <summary>The sequence number in the key of a row.</summary>
    public static int SequenceOf(ReadOnlySpan<byte> key) => int.Parse(key[^6..], NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>Key of a saga in the index.</summary>
    public static byte[] Index(string id, bool hasEnded) => Bytes($"{BucketOf(id)}/{(hasEnded ? Ended : Live)}/{id}");

    /// <summary>What the keys of the index of one bucket begin with.</summary>
    public static byte[] IndexOf(char bucket, bool hasEnded) => Bytes($"{bucket}/{(hasEnded ? Ended : Live)}/");

    /// <summary>Key by which a saga is found when it ended long ago.</summary>
    public static byte[] Over(string id, DateTimeOffset endedAt) => Bytes(string.Create(CultureInfo.InvariantCulture, $"{BucketOf(id)}/over/{Second(endedAt):D12}/{id}"));

    /// <summary>What these keys of one bucket begin with; all that ended before a moment are before <paramref name="before"/>.</summary>
    public static byte[] OverOf(char bucket, DateTimeOffset? before) =>
        Bytes(before is { } moment ? string.Create(CultureInfo.InvariantCulture, $"{bucket}/over/{Second(moment):D12}/") : $"{bucket}/over/");

    /// <summary>Key of a definition.</summary>
    public static byte[] Definition(string name, int version) => Bytes(string.Create(CultureInfo.InvariantCulture, $"{DefinitionRoot}{name}/{version:D10}"));

    /// <summary>What the keys of all versions of a definition begin with; of all definitions when <paramref name="name"/> is null.</summary>
    public static byte[] Definitions(string? name) => Bytes(name is null ? DefinitionRoot : $"{DefinitionRoot}{name}/");

    /// <summary>A clock before 1970 is none.</summary>
    private static long Second(DateTimeOffset moment) => Math.Max(moment.ToUnixTimeSeconds(), 0);

    private static byte[] Bytes(string key) => Encoding.UTF8.GetBytes(key);
}
