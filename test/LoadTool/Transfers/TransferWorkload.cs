using System.Buffers.Text;
using System.Text.Json;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Transfers;

/// <summary>
/// Transfers between two accounts, each one transaction: a check that the giver has what the client believes, and two increments. Balances come
/// from the results; one that is not known yet costs a read, counted as such. A check that does not hold, and a lost race, are conflicts.
/// </summary>
/// <param name="keyspace">Keyspace of the accounts.</param>
/// <param name="accounts">Choice of accounts.</param>
/// <param name="ranges">1: both accounts in one range; 2: one in each.</param>
/// <param name="known">Balances by account, shared by all clients; <see cref="Unknown"/>. Races on it cost conflicts, never correctness.</param>
/// <param name="random">Source of amounts.</param>
internal sealed class TransferWorkload(string keyspace, IKeyDistribution accounts, int ranges, long[] known, Random random) : IWorkload
{
    /// <summary>A balance that nobody has read yet.</summary>
    public const long Unknown = long.MinValue;

    private readonly TransferRequest _transfer = new(keyspace);
    private int _source = -1;
    private int _target;
    private OperationKind _kind;

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Request, OperationKind Kind) Next()
    {
        // After a read the transfer follows from the same account.
        if (_source < 0)
            (_source, _target) = Choose();
        var balance = Volatile.Read(ref known[_source]);
        if (balance == Unknown)
        {
            _kind = OperationKind.Get;
            return (RequestText.Get(RequestText.KeyPath(keyspace, AccountFormat.Text(_source))), _kind);
        }

        _kind = OperationKind.Transfer;
        _transfer.Set(_source, _target, (int)Math.Min(random.Next(1, TransferRequest.MaxAmount + 1), balance), balance);
        return (_transfer.Bytes, _kind);
    }

    /// <inheritdoc/>
    public Verdict Judge(ResponseParser response, bool thorough)
    {
        var (source, target) = (_source, _target);
        if (_kind == OperationKind.Get)
        {
            if (response.Status == 200 && Utf8Parser.TryParse(response.Body, out long balance, out var used) && used == response.Body.Length)
            {
                Volatile.Write(ref known[source], balance);
                return Verdict.Success;
            }

            _source = -1;
            return response.Status == 200 ? Verdict.Failure(TransportErrors.WrongContent) : Verdict.Failure(Problem.Read(response).Code);
        }

        _source = -1;
        if (response.Status == 200)
            return JudgeAnswer(response, source, target);
        Volatile.Write(ref known[source], Unknown);
        Volatile.Write(ref known[target], Unknown);
        var code = Problem.Read(response).Code;
        return code == "txn_conflict" ? Verdict.Conflict : Verdict.Failure(code);
    }

    private Verdict JudgeAnswer(ResponseParser response, int source, int target)
    {
        var reader = new Utf8JsonReader(response.Body);
        using var document = JsonDocument.ParseValue(ref reader);
        var results = document.RootElement.GetProperty("results");
        if (document.RootElement.GetProperty("committed").GetBoolean())
        {
            if (results.GetArrayLength() != 3)
                return Verdict.Failure(TransportErrors.WrongContent);
            Volatile.Write(ref known[source], results[1].GetProperty("value").GetInt64());
            Volatile.Write(ref known[target], results[2].GetProperty("value").GetInt64());
            return Verdict.Success;
        }

        var balance = results.GetArrayLength() == 1 && results[0].GetProperty("found").GetBoolean() && long.TryParse(results[0].GetProperty("value").GetString(), out var value)
            ? value
            : Unknown;
        Volatile.Write(ref known[source], balance);
        return balance == Unknown ? Verdict.Failure(TransportErrors.WrongContent) : Verdict.Conflict;
    }

    private (int Source, int Target) Choose()
    {
        var source = accounts.Next();
        int target;
        do
        {
            // Even and odd accounts are in ranges of their own.
            target = accounts.Next();
            if ((source % 2 == target % 2) != (ranges == 1))
                target ^= 1;
        }
        while (target == source);

        return (source, target);
    }
}
