using System.Globalization;

namespace GrainDb.LoadTool.Orders;

/// <summary>One article of a run.</summary>
/// <param name="Sku">Its name.</param>
/// <param name="Stock">Pieces at first.</param>
/// <param name="Price">Of a piece, in hundredths.</param>
internal sealed record OrderArticle(string Sku, long Stock, long Price);

/// <summary>One account of a run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Balance">At first, in hundredths.</param>
internal sealed record OrderAccount(string Name, long Balance);

/// <summary>One order that a client placed, and how it ended.</summary>
/// <param name="Id">The order.</param>
/// <param name="Lines">Article and pieces.</param>
/// <param name="Account">Who pays.</param>
internal sealed record PlacedOrder(string Id, IReadOnlyList<(OrderArticle Article, long Quantity)> Lines, OrderAccount Account)
{
    /// <summary>What it costs at the prices of the run, in hundredths.</summary>
    public long Cost => Lines.Sum(line => line.Article.Price * line.Quantity);

    /// <summary>How it ended; empty when it did not.</summary>
    public string Status { get; set; } = "";

    /// <summary>What the server said that it costs; null when it said nothing.</summary>
    public string? Amount { get; set; }

    /// <summary>From the first byte of the order to the answer that it has ended.</summary>
    public TimeSpan Took { get; set; }
}

/// <summary>
/// The articles, accounts and orders of a run: few of each, so that orders meet. Of the full mix some find no stock, some no money, and some are more than the carrier takes; of
/// the good one every order completes.
/// </summary>
/// <param name="run">Begins every name, so that runs do not meet.</param>
/// <param name="isGood">Whether every order is to complete.</param>
internal sealed class OrderBook(string run, bool isGood)
{
    /// <summary>More pieces than the carrier takes in one shipment.</summary>
    public const int TooManyPieces = 10_001;

    public IReadOnlyList<OrderArticle> Articles { get; } =
    [
        new($"{run}-apple", 10_000_000, 125),
        new($"{run}-pear", 10_000_000, 990),
        new($"{run}-plum", 10_000_000, 5),
        new($"{run}-gold", isGood ? 10_000_000 : 150, 4_999),
        new($"{run}-sand", 1_000_000_000, 1),
    ];

    public IReadOnlyList<OrderAccount> Accounts { get; } =
    [
        .. Enumerable.Range(0, 6).Select(number => new OrderAccount($"{run}-rich{number}", 100_000_000_000)),
        .. Enumerable.Range(0, isGood ? 0 : 2).Select(number => new OrderAccount($"{run}-poor{number}", 10_000)),
    ];

    /// <summary>The next order.</summary>
    public PlacedOrder Next(string id, Random random)
    {
        var account = Accounts[random.Next(Accounts.Count)];
        if (!isGood && random.Next(12) == 0)
            return new PlacedOrder(id, [(Articles[4], TooManyPieces)], account);
        var first = random.Next(4);
        (OrderArticle, long)[] lines = [(Articles[first], random.Next(1, 4))];
        return new PlacedOrder(id, random.Next(2) == 0 ? lines : [.. lines, (Articles[(first + 1) % 4], random.Next(1, 3))], account);
    }

    /// <summary>Hundredths as the server writes them.</summary>
    public static string Text(long hundredths) => string.Create(CultureInfo.InvariantCulture, $"{hundredths / 100}.{hundredths % 100:00}");
}
