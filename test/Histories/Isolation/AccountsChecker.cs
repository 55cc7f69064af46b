using System.Globalization;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Isolation;

/// <summary>All accounts of a bank as one transaction saw them.</summary>
/// <param name="Balances">By account.</param>
/// <param name="At">The snapshot; zero when nobody said.</param>
/// <param name="Note">Who saw it, for a person.</param>
public sealed record AccountsSeen(IReadOnlyDictionary<string, long> Balances, Timestamp At, string Note);

/// <summary>
/// A bank whose transfers move money between accounts and never make any: every snapshot of all accounts has the same sum, and no account goes
/// below zero where transfers check for that.
/// </summary>
public static class AccountsChecker
{
    /// <summary>Checks every snapshot.</summary>
    /// <param name="snapshots">What transactions saw.</param>
    /// <param name="accounts">All accounts.</param>
    /// <param name="total">The money that there is.</param>
    public static IEnumerable<Violation> Check(IEnumerable<AccountsSeen> snapshots, IReadOnlyCollection<string> accounts, long total)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(accounts);
        foreach (var snapshot in snapshots)
        {
            var missing = accounts.Where(account => !snapshot.Balances.ContainsKey(account)).ToList();
            if (missing.Count > 0)
                yield return new("bank", $"no {string.Join(", ", missing)} in {Show(snapshot)}");
            else if (snapshot.Balances.Values.Sum() is var sum && sum != total)
                yield return new("bank", $"{sum} instead of {total} in {Show(snapshot)}");
            else if (snapshot.Balances.Any(balance => balance.Value < 0))
                yield return new("bank", $"an overdrawn account in {Show(snapshot)}");
        }
    }

    private static string Show(AccountsSeen snapshot) => string.Create(
        CultureInfo.InvariantCulture, $"{string.Join(", ", snapshot.Balances.Select(balance => $"{balance.Key}={balance.Value}"))} at {snapshot.At}: {snapshot.Note}");
}
