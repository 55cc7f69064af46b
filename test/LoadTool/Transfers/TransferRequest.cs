using System.Text;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Transfers;

/// <summary>
/// A <c>POST /v1/transact</c> that takes from one account and gives to another, if the first has what its client believes; patched in place.
/// The current balance is read along, so that a client that was wrong knows it for the next try.
/// </summary>
internal sealed class TransferRequest
{
    /// <summary>Largest amount: one digit, which keeps the request's length.</summary>
    public const int MaxAmount = 9;

    private const string Source = "sssssssss";
    private const string Target = "ttttttttt";
    private const string Amount = "#";
    private const string Balance = "\"\"                    ";

    private readonly byte[] _bytes;
    private readonly int[] _sources;
    private readonly int _target;
    private readonly int[] _amounts;
    private readonly int _balance;

    /// <summary>A request over accounts of a keyspace.</summary>
    public TransferRequest(string keyspace)
    {
        var body =
            $$"""{"checks":[{"keyspace":"{{keyspace}}","key":"{{Source}}","value":{{Balance}}}],"reads":[{"keyspace":"{{keyspace}}","key":"{{Source}}"}],"""
            + $$$"""
            "writes":[{"increment":{"keyspace":"{{{keyspace}}}","key":"{{{Source}}}","by":-{{{Amount}}}}},{"increment":{"keyspace":"{{{keyspace}}}","key":"{{{Target}}}","by":{{{Amount}}}}}]}
            """;
        _bytes = RequestText.WithBody("POST", "/v1/transact", "application/json", Encoding.ASCII.GetBytes(body));
        var text = Encoding.ASCII.GetString(_bytes);
        _sources = Find(text, Source);
        _target = Find(text, Target).Single();
        _amounts = Find(text, Amount);
        _balance = text.IndexOf($"\"value\":{Balance}", StringComparison.Ordinal) + "\"value\":".Length;
    }

    /// <summary>The whole request.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>Patches it.</summary>
    /// <param name="source">Who gives.</param>
    /// <param name="target">Who gets.</param>
    /// <param name="amount">How much, 0 to <see cref="MaxAmount"/>.</param>
    /// <param name="balance">What the first has, as far as the client knows.</param>
    public void Set(int source, int target, int amount, long balance)
    {
        foreach (var position in _sources)
            AccountFormat.Write(source, _bytes.AsSpan(position));
        AccountFormat.Write(target, _bytes.AsSpan(_target));
        foreach (var position in _amounts)
            _bytes[position] = (byte)('0' + amount);

        // The text is as long as it is; spaces behind it keep the length of the whole.
        var value = _bytes.AsSpan(_balance, Balance.Length);
        value.Fill((byte)' ');
        value[0] = (byte)'"';
        balance.TryFormat(value[1..], out var written);
        value[written + 1] = (byte)'"';
    }

    private static int[] Find(string text, string mark)
    {
        var positions = new List<int>();
        for (var at = text.IndexOf(mark, StringComparison.Ordinal); at >= 0; at = text.IndexOf(mark, at + mark.Length, StringComparison.Ordinal))
            positions.Add(at);
        return [.. positions];
    }
}
