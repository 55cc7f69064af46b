using System.Buffers.Text;

namespace GrainDb.LoadTool.Transfers;

/// <summary>
/// The keys of accounts: <c>a</c> or <c>b</c> and 8 decimal digits, accounts with even numbers beginning with <c>a</c>. The keyspace is cut at
/// <c>b</c>, so that the letter says which of its two ranges an account is in.
/// </summary>
internal static class AccountFormat
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 1 + Digits;

    /// <summary>Where the keyspace is cut.</summary>
    public const string SplitKey = "b";

    private const int Digits = 8;

    /// <summary>A key as text.</summary>
    public static string Text(int account) => $"{(account % 2 == 0 ? 'a' : 'b')}{account / 2:D8}";

    /// <summary>Writes a key.</summary>
    public static void Write(int account, Span<byte> destination)
    {
        destination[0] = (byte)(account % 2 == 0 ? 'a' : 'b');
        (account / 2).TryFormat(destination.Slice(1, Digits), out _, "D8");
    }

    /// <summary>Reads a key.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out int account)
    {
        account = 0;
        if (text.Length != Length || text[0] is not ((byte)'a' or (byte)'b') || !Utf8Parser.TryParse(text[1..], out int half, out var used) || used != Digits)
            return false;
        account = (half * 2) + (text[0] - 'a');
        return true;
    }
}
